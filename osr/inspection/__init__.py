"""What a model makes of a picture by waves: amplitude, phase, both parts, and the gates.

The values come from one run of the NumPy forward pass (:mod:`osr_core.reference`) with its wave
and its gates noted down, so that they are the same for either backend and need neither.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.images import Picture, write
from osr.inspection.colour_maps import Colours, cyclic, diverging, grey, rgb, sequential
from osr.inspection.sheet import Row, bar, draw_sheet, wheel
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.checks import Image, check_image, check_range
from osr_core.errors import ImageError, ModelError
from osr_core.networks import network
from osr_core.reference import NumpyOps
from osr_core.wave import wrap

Planes = NDArray[np.float32]

DEFAULT_SIZE = 384
"""Longest side of the middle part that is looked at, in pixels; the shipped model takes 3 s."""

_SIGNED = ("-max", "0", "max")

MEANING: Mapping[str, str] = {
    "image": "what the model was given",
    "amplitude": "|a|, the content; white is strong",
    "phase": "θ, the degradation, as hue; dark where the amplitude is weak",
    "real": "a cos θ; blue below 0, red above",
    "imaginary": "a sin θ; blue below 0, red above",
    "gate": "mean of all gates: dark takes the image itself, yellow what was restored",
}
"""The pictures of :func:`pictures` and what each shows, four of them of one wave: the one whose
phase varies most over the picture."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """A picture's wave on its way through a reprogrammed model, or to the gates of experts.

    C is the number of waves, D the width at which wave and image are mixed, or that of experts.
    """

    image: Image
    """What went in: (H, W, 3) RGB in [0, 1]."""
    result: Image
    """What came out: (H, W, 3) RGB, not clipped."""
    amplitude: Planes
    """*a*, (C, H, W), of any sign."""
    phase: Planes
    """*θ*, (C, H, W) in radians, wrapped to [-π, π)."""
    real: Planes
    """a cos θ, (C, H, W)."""
    imaginary: Planes
    """a sin θ, (C, H, W)."""
    gate: Planes
    """Share of the restored wave in the result, (D, H, W): 0 is the image itself, 1 the wave. Of
    experts: that of what each one would change; it may exceed 1."""


def inspect(image: Image, checkpoint: Checkpoint, size: int = DEFAULT_SIZE) -> Inspection:
    """Run a model on the middle of a picture and note its wave and its gates.

    Args:
        image: (H, W, 3) float32 RGB; clipped to [0, 1].
        checkpoint: a model with transforms, or one of experts.
        size: longest side of the middle part that is looked at, 16 to 2048 pixels.

    Raises:
        ImageError: if ``image`` is not such an array or holds numbers that are not finite.
        ModelError: if the model is another one.
        OptionError: if the size leaves its range.
    """
    check_range("size", size, 16, 2048)
    spec = checkpoint.spec
    if not spec.makes_waves:
        raise ModelError(
            "a plain model has no wave to inspect: choose a reprogrammed one, see 'osr info MODEL'"
        )
    if not np.isfinite(check_image(image)).all():
        raise ImageError("image: holds numbers that are not finite")
    picture = _middle(image, size).clip(0, 1)
    height, width = picture.shape[:2]
    multiple = analyse(spec).total_stride
    rim = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    planes = np.moveaxis(np.pad(picture, rim, mode="reflect"), 2, 0)[None]
    ops = _Recorder(checkpoint.state)
    result = network(ops, spec, planes)

    def cut(values: NDArray[Any]) -> Planes:
        """(1, C, H', W') of the padded picture, or a pooled (1, C, 1, 1) → (C, H, W)."""
        whole = np.broadcast_to(values[0], (values.shape[1], *planes.shape[2:]))
        return np.ascontiguousarray(whole[:, :height, :width], np.float32)

    wave = "input_transform." if spec.reprogrammed else "wave."
    parts = {part: ops.noted[wave + part] for part in ("amplitude", "phase", "real", "imaginary")}
    parts["phase"] = wrap(parts["phase"])
    if spec.reprogrammed:
        gate = ops.noted["output_transform.gate"]
    else:
        gates = [value for name, value in ops.noted.items() if name.startswith("gates.")]
        gate = np.concatenate(gates, axis=1)
    cuts = {name: cut(values) for name, values in parts.items()}
    return Inspection(picture, np.moveaxis(cut(result), 0, 2), **cuts, gate=cut(gate))


def _middle(image: Image, size: int) -> Image:
    """The middle of a picture, at most ``size`` pixels on either side."""
    top, left = (max(0, (side - size) // 2) for side in image.shape[:2])
    return image[top : top + size, left : left + size]


class _Recorder(NumpyOps):
    """Keeps what the network notes."""

    def __init__(self, state: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        super().__init__(state)
        self.noted: dict[str, NDArray[Any]] = {}

    def note(self, name: str, value: NDArray[Any]) -> None:
        """By name."""
        self.noted[name] = value


def pictures(inspection: Inspection) -> dict[str, Colours]:
    """Each quantity as one picture, (H, W, 3) uint8, by the names of :data:`MEANING`."""
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
        raise ImageError(f"{folder}: cannot be made: {error.strerror}") from None
    for name, picture in pictures(inspection).items():
        write(Path(folder) / f"{name}.png", Picture(picture))


def draw(inspection: Inspection, title: str = "Picture") -> Colours:
    """One labelled sheet, (h, w, 3) uint8: a row for each quantity, its mean and single channels.

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
    turn = np.angle(wave * wave.sum((1, 2), keepdims=True).conj())
    order = np.argsort(-(strength * np.abs(turn)).mean((1, 2)), kind="stable")
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
            "Gate: 0 the image itself, 1 what was restored",
            [(label, sequential(gate)) for label, gate in gates],
            bar(sequential, ("0", "0.5", "1")),
        ),
    ]


def _top(values: NDArray[Any]) -> float:
    """A bound that only the outermost in a thousand exceed."""
    return float(np.quantile(np.abs(values), 0.999))
