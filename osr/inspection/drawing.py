"""Pictures of an inspection: one per quantity, or all of them on a contact sheet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from osr.images import Picture, to_levels, write
from osr.inspection import PICTURES, Inspection, Planes, captions
from osr_core.errors import ImageError

Colours = NDArray[np.uint8]  # (..., 3) RGB
_Shares = NDArray[np.floating[Any]]  # (..., 3) RGB, 0 to 1
_Tiles = Sequence[tuple[str, _Shares]]  # labels and pictures

_LIGHTNESS, _CHROMA = 74.0, 38.0  # of CIELAB: the widest ring of hues within sRGB
_TILE = 3.0  # width of a picture on the sheet, in inches


def pictures(inspection: Inspection) -> dict[str, Colours]:
    """Each quantity as one picture, (H, W, 3), by the names of :func:`osr.inspection.captions`.

    The wave is the one whose phase varies most. A mixture has a picture of each expert.
    """
    wave = _waves(inspection)[1]
    both = wave.signed("real"), wave.signed("imaginary")
    gates = inspection.gate if inspection.experts else inspection.gate.mean(0, keepdims=True)
    names = *list(PICTURES)[:-1], *(inspection.experts or ("gate",))
    parts = inspection.image, wave.grey, wave.hue, *both, *(colours("viridis", g) for g in gates)
    return {name: to_levels(part) for name, part in zip(names, parts, strict=True)}


def save_pictures(inspection: Inspection, folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Write :func:`pictures` as ``image.png``, ``amplitude.png`` … into a folder; returns them."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be created: {error.strerror}") from None
    files = {}
    for name, picture in pictures(inspection).items():
        files[name] = Path(folder) / f"{name}.png"
        write(files[name], Picture(picture))
    return files


def draw(inspection: Inspection, title: str = "Image") -> Colours:
    """A contact sheet, (h, w, 3): a row for each quantity, its mean and single channels.

    The waves are those whose phase varies most over the image, the same in each row, so that a
    column is one wave. The gates are those that vary most, the experts those of the largest weight.
    Pictures of waves are scaled one by one, as their labels say; both parts of a wave have the same
    scale.
    """
    waves = _waves(inspection)
    change = (inspection.result - inspection.image).mean(2)
    top = _top(change)
    heading, gates = _gates(inspection, len(waves))

    def signed(part: str) -> _Tiles:
        return [(f"{w.name}, to ±{w.far:.2g}", w.signed(part)) for w in waves]

    rows: list[tuple[str, str, _Tiles]] = [
        (title, "RdBu_r", [("image", inspection.image), ("result", inspection.result),
                           (f"result − image, to ±{top:.2g}", colours("RdBu_r", change, top))]),
        ("Amplitude |a|: content", "gray", [(f"{w.name}, to {w.top:.2g}", w.grey) for w in waves]),
        ("Phase θ: degradation; brightness: amplitude", "phase", [(w.name, w.hue) for w in waves]),
        ("Real part, a cos θ", "RdBu_r", signed("real")),
        ("Imaginary part, a sin θ", "RdBu_r", signed("imaginary")),
        (heading, "viridis", [(label, colours("viridis", gate)) for label, gate in gates]),
    ]  # fmt: skip
    height, width = inspection.image.shape[:2]
    size = (4 * _TILE + 1.2, len(rows) * (_TILE * height / width + 0.8))
    with mpl.rc_context({"text.parse_math": False, "font.size": 9}):
        figure = Figure(figsize=size, dpi=max(80.0, width / _TILE), layout="constrained")
        places: Any = figure.subfigures(len(rows))
        for place, row in zip(places, rows, strict=True):
            _draw_row(place, *row)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _gates(one: Inspection, count: int) -> tuple[str, list[tuple[str, Planes]]]:
    """Heading of the row of gates, their labels and their values."""
    if one.experts:
        titles = [title for title, _ in captions(one.experts).values()]
        order = np.argsort(-one.gate.mean((1, 2)), kind="stable")[:count]
        shown = [(f"{titles[i]}, mean {one.gate[i].mean():.2f}", one.gate[i]) for i in order]
        return "Experts: 0 leaves the correction out, 1 adds it", shown
    order = np.argsort(-one.gate.std((1, 2)), kind="stable")[: count - 1]
    shown = [(f"mean of {len(one.gate)} gates", one.gate.mean(0))]
    shown += [(f"gate {index + 1}", one.gate[index]) for index in order]
    return "Gates: 0 keeps the image, 1 takes the restoration", shown


def colours(cmap: str, values: Planes, top: float = 1.0) -> _Shares:
    """Numbers by a map of matplotlib, from 0 (``RdBu_r``: from ``-top``) to ``top``."""
    low = -1.0 if cmap == "RdBu_r" else 0.0
    shares = Normalize(low, 1, clip=True)(values / (top or 1.0))  # 0: an array of zeros
    return mpl.colormaps[cmap](shares)[..., :3]


def hue(phase: Planes, weight: Planes | float = 1.0) -> _Shares:
    """A phase as hue of equal lightness all round; ``weight`` in [0, 1] darkens it to black.

    The phase is the angle in the plane of CIELAB's a* (0 is a red, π a green) and b* (π/2 a yellow,
    -π/2 a blue).
    """
    lab = np.stack((_LIGHTNESS + 0 * phase, _CHROMA * np.cos(phase), _CHROMA * np.sin(phase)), -1)
    lab *= np.broadcast_to(np.clip(weight, 0, 1), phase.shape)[..., None]
    row = np.ascontiguousarray(lab, np.float32).reshape(-1, 1, 3)
    return cv2.cvtColor(row, cv2.COLOR_LAB2RGB).reshape(*phase.shape, 3)


def _draw_row(place: Any, heading: str, cmap: str, tiles: _Tiles) -> None:
    """Pictures with their labels, and the key of their colours on the right."""
    place.suptitle(heading, x=0.01, ha="left", fontsize=12)
    *axes, key = place.subplots(1, 5, width_ratios=(1, 1, 1, 1, 0.05))
    for one in axes:
        one.axis("off")
    for one, (label, picture) in zip(axes, tiles, strict=False):
        one.set_title(label, fontsize=9)
        one.imshow(to_levels(picture), interpolation="nearest")
    if cmap == "phase":
        degrees = np.linspace(180, -180, 181, dtype=np.float32)[:, None]
        key.imshow(hue(np.radians(degrees)), aspect="auto", extent=(0, 1, -180, 180))
        key.set(xticks=[], yticks=(-180, -90, 0, 90, 180))
        key.yaxis.tick_right()
        return
    ticks = {"RdBu_r": ("-max", "0", "max"), "gray": ("0", "", "max"), "viridis": ("0", "½", "1")}
    place.colorbar(ScalarMappable(Normalize(0, 1), cmap), cax=key).set_ticks(
        (0, 0.5, 1), labels=ticks[cmap]
    )


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
    def top(self) -> float:
        return _top(self.amplitude)

    @property
    def far(self) -> float:
        """A bound of both parts, so that they can be compared."""
        return _top(np.stack((self.real, self.imaginary)))

    @property
    def grey(self) -> _Shares:
        return colours("gray", self.amplitude, self.top)

    @property
    def hue(self) -> _Shares:
        """The root keeps all but the strongest from looking black."""
        return hue(self.phase, np.sqrt(self.amplitude / (self.top or 1.0)))

    def signed(self, part: str) -> _Shares:
        return colours("RdBu_r", getattr(self, part), self.far)


def _waves(one: Inspection, count: int = 3) -> list[_Wave]:
    """The mean, and the waves whose phase varies most over the image, weighted by |a|."""
    strength, phase, real, imaginary = np.abs(one.amplitude), one.phase, one.real, one.imaginary
    # Waves of equal phase and opposite sign would cancel out in a mean of a·e^{iθ}.
    wave = strength * np.exp(1j * phase)
    mean_phase = np.angle(wave.sum(0)).astype(np.float32)
    name = f"mean of {len(wave)} waves"
    mean = _Wave(name, strength.mean(0), mean_phase, real.mean(0), imaginary.mean(0))
    deviation = np.angle(wave * wave.sum((1, 2), keepdims=True).conj())
    order = np.argsort(-(strength * np.abs(deviation)).mean((1, 2)), kind="stable")[:count]
    parts = strength, phase, real, imaginary
    return [mean, *(_Wave(f"wave {i + 1}", *(part[i] for part in parts)) for i in order)]


def _top(values: Planes) -> float:
    """A bound that one value in a thousand exceeds."""
    return float(np.quantile(np.abs(values), 0.999))
