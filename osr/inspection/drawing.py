"""Pictures of an inspection: one per quantity, or all of them on a contact sheet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.images import Picture, write
from osr.inspection import Inspection, Planes
from osr.inspection.colour_maps import Colours, cyclic, diverging, grey, rgb, sequential
from osr.inspection.sheet import Row, bar, draw_sheet, wheel
from osr_core.errors import ImageError

_SIGNED = ("-max", "0", "max")


def pictures(inspection: Inspection) -> dict[str, Colours]:
    """Each quantity as one picture, (H, W, 3) uint8, by the names of
    :data:`osr.inspection.PICTURES`; the wave is the one whose phase varies most."""
    wave, *_ = _waves(inspection)
    return {
        "image": rgb(inspection.image),
        "amplitude": grey(wave.amplitude, wave.strong),
        "phase": wave.coloured(),
        "real": diverging(wave.real, wave.far),
        "imaginary": diverging(wave.imaginary, wave.far),
        "gate": sequential(inspection.gate.mean(0)),
    }


def save_pictures(inspection: Inspection, folder: str | os.PathLike[str]) -> None:
    """Write :func:`pictures` as ``image.png``, ``amplitude.png`` … into a folder.

    Raises:
        ImageError: if the folder or a file cannot be written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be created: {error.strerror}") from None
    for name, picture in pictures(inspection).items():
        write(Path(folder) / f"{name}.png", Picture(picture))


def draw(inspection: Inspection, title: str = "Picture") -> Colours:
    """A contact sheet, (h, w, 3) uint8: a row for each quantity, its mean and single channels.

    The waves are those whose phase varies most over the picture, the same in each row, so that a
    column is one wave; the gates are those that vary most. Pictures of waves are scaled one by one,
    as their labels say; the two parts of a wave have the same scale.

    Args:
        inspection: what to draw.
        title: heading of the first row, in Latin letters.
    """
    change = (inspection.result - inspection.image).mean(2)
    top = _top(change)
    tiles = [
        ("image", rgb(inspection.image)),
        ("result", rgb(inspection.result)),
        (f"result - image, mean of channels, to ±{top:.2g}", diverging(change, top)),
    ]
    first = Row(title, tiles, bar(diverging, _SIGNED, -1.0))
    return draw_sheet([first, *_rows(inspection)])


@dataclass(frozen=True, eq=False)
class _Wave:
    """One wave, or the mean of all, each quantity (H, W)."""

    name: str
    amplitude: Planes
    """|a|."""
    phase: Planes
    real: Planes
    imaginary: Planes

    @property
    def strong(self) -> float:
        return _top(self.amplitude)

    @property
    def far(self) -> float:
        """A bound of both parts, so that they can be compared."""
        return _top(np.stack((self.real, self.imaginary)))

    def coloured(self) -> Colours:
        """Phase as hue; the root keeps all but the strongest from looking black."""
        return cyclic(self.phase, np.sqrt(self.amplitude / (self.strong or 1.0)))


def _mean(one: Inspection) -> _Wave:
    # The phases are weighted by |a|, since waves of equal phase and opposite sign would cancel out.
    strength = np.abs(one.amplitude)
    phase = np.angle((strength * np.exp(1j * one.phase)).sum(0)).astype(np.float32)
    name = f"mean of {len(strength)} waves"
    return _Wave(name, strength.mean(0), phase, one.real.mean(0), one.imaginary.mean(0))


def _waves(one: Inspection, count: int = 3) -> list[_Wave]:
    """Those whose phase varies most over the picture, weighted by |a|, most first."""
    strength = np.abs(one.amplitude)
    wave = strength * np.exp(1j * one.phase)
    deviation = np.angle(wave * wave.sum((1, 2), keepdims=True).conj())
    order = np.argsort(-(strength * np.abs(deviation)).mean((1, 2)), kind="stable")
    return [
        _Wave(f"wave {i + 1}", strength[i], one.phase[i], one.real[i], one.imaginary[i])
        for i in order[:count]
    ]


def _rows(one: Inspection) -> list[Row]:
    """The pictures of each quantity, the mean over its channels first."""
    waves = [_mean(one), *_waves(one)]
    gates = [(f"mean of {len(one.gate)} gates", one.gate.mean(0))]
    varied = np.argsort(-one.gate.std((1, 2)), kind="stable")[: len(waves) - 1]
    gates += [(f"gate {index + 1}", one.gate[index]) for index in varied]
    return [
        Row(
            "Amplitude |a|: content",
            [(f"{w.name}, to {w.strong:.2g}", grey(w.amplitude, w.strong)) for w in waves],
            bar(grey, ("0", "", "max")),
        ),
        Row(
            "Phase: degradation (brightness: amplitude)",
            [(w.name, w.coloured()) for w in waves],
            wheel(),
        ),
        Row(
            "Real part, a cos(phase)",
            [(f"{w.name}, to ±{w.far:.2g}", diverging(w.real, w.far)) for w in waves],
            bar(diverging, _SIGNED, -1.0),
        ),
        Row(
            "Imaginary part, a sin(phase)",
            [(f"{w.name}, to ±{w.far:.2g}", diverging(w.imaginary, w.far)) for w in waves],
            bar(diverging, _SIGNED, -1.0),
        ),
        Row(
            "Gates: 0 keeps the image, 1 takes the restoration",
            [(label, sequential(gate)) for label, gate in gates],
            bar(sequential, ("0", "0.5", "1")),
        ),
    ]


def _top(values: NDArray[Any]) -> float:
    """A bound that one value in a thousand exceeds."""
    return float(np.quantile(np.abs(values), 0.999))
