"""The columns of the matrix: a data set, the degradation of its images, and the protocol."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osr.datasets import DataSet, Item, Split, catalogue, find, items
from osr.degradations import Chain
from osr.evaluation.metrics import Protocol, to_levels
from osr_core.errors import ImageError, OptionError

DEFAULT_DEGRADATIONS = ("none", "noise:25", "rain:0.3", "haze:1.3", "blur:2", "low_resolution:2",
                        "jpeg:20", "low_light:2")  # fmt: skip
"""Degradations of clean sets where none is given: some that most models are trained on and some
that few are, each at a level that is plainly visible."""


@dataclass(frozen=True)
class Column:
    """A column of the matrix; all but its items is saved in ``evaluation.json``."""

    name: str
    data: str
    """Name of the data set."""
    degradation: str | None
    """Synthetic degradation, for instance ``noise:25``; None where the set has degraded images."""
    kind: str
    """Kind of degradation, several joined by ``+``; ``none`` for clean columns, ``unknown`` where
    it is not known."""
    protocol: str
    """What :meth:`osr.evaluation.metrics.Protocol.parse` takes."""
    images: int
    """How many of the set's images are evaluated: the first ones."""
    items: tuple[Item, ...] = field(default=(), compare=False, repr=False)

    @property
    def clean(self) -> bool:
        """Whether its images are not degraded."""
        return self.kind in ("none", "grey")  # grey images have grey targets

    def load(self, index: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The degraded image of an item, float32, and its ground truth, uint8, both (H, W, 3).

        Synthetic degradation depends on the seed and the index alone. It is not clipped to [0, 1].

        Raises:
            ImageError: if a file cannot be read, or does not belong to the set.
        """
        item = self.items[index]
        degraded, truth = item.load()
        if self.degradation is None:
            if degraded is None:
                raise ImageError(f"{item.truth}: has no degraded image")
            return degraded.astype(np.float32) / np.float32(255), truth
        clean = truth.astype(np.float32) / np.float32(255)
        rng = np.random.default_rng([seed, index])
        result, target = Chain.parse(self.degradation)(clean, rng, item.load_depth())
        return result, to_levels(target)


def locate(text: str, split: Split = "test") -> tuple[DataSet, tuple[Item, ...]]:
    """The data set of a folder, of ``NAME=PATH``, or of the name of one that needs no path.

    A folder alone is the set of its own name, if the catalogue has one; else a set of pairs if it
    holds a folder ``input``, else one of clean photographs, and gives the columns its name.

    Raises:
        OptionError: if the name is unknown.
        ImageError: if the folder does not hold it.
    """
    name, equals, path = text.partition("=")
    if not os.path.isdir(text):  # a path may contain "="
        if equals:
            return _found(find(name), path, split)
        if os.sep in text or text in (".", ".."):
            raise ImageError(f"{text}: no such folder")
        return _found(find(text), None, split)
    folder = Path(text).resolve()
    if folder.name.lower().replace("_", "-") in catalogue():
        return _found(find(folder.name), text, split)
    known = find("pairs" if (folder / "input").is_dir() else "photographs")
    data, found = _found(known, text, split)
    return replace(data, name=folder.name), found


def _found(data: DataSet, path: str | None, split: Split) -> tuple[DataSet, tuple[Item, ...]]:
    found = items(data.name, path, split)
    if not found:
        raise ImageError(f"{path}: holds no images of {data.name}")
    return data, found


def default_protocol(data: DataSet, degradation: Chain | None) -> Protocol:
    """The protocol in which results are usually published.

    Super-resolution is measured on Y with as many pixels cropped at each border as the scale; sets
    that come with degraded images by their own protocol; all else on RGB.
    """
    if degradation is None:
        return data.protocol
    for step in degradation.steps:
        if step.name == "low_resolution":
            scale = step.row.params["scale"].train[1] if step.level is None else step.level
            return Protocol("y", crop=math.ceil(scale))
    return Protocol()


def make_column(
    data: DataSet,
    found: Sequence[Item],
    degradation: str | None = None,
    protocol: str | None = None,
    limit: int | None = None,
    name: str | None = None,
    kind: str | None = None,
) -> Column:
    """A column of a data set; ``limit`` is the largest number of images.

    A clean set needs a degradation such as ``noise:25`` or ``none``, a paired one that the
    catalogue does not know may have a ``kind``. The protocol is :func:`default_protocol`, but for
    what ``protocol`` names.

    Raises:
        OptionError: if the degradation does not fit the set, or an argument is invalid.
    """
    if data.paired == (degradation is not None):
        raise OptionError(
            f"data set {data.name}: has degraded images; omit {degradation}"
            if degradation is not None
            else f"data set {data.name}: has clean images; give a degradation such as noise:25"
        )
    synthetic = None if degradation is None else Chain.parse(degradation)
    default = default_protocol(data, synthetic)
    images = tuple(found[:limit])
    return Column(
        name or f"{data.name} {synthetic or ''}".strip(),
        data.name,
        None if synthetic is None else str(synthetic),
        synthetic.kind if synthetic is not None else kind or data.degradation or "unknown",
        str(Protocol.parse(protocol, default) if protocol else default),
        len(images),
        images,
    )


def grid(
    sets: Iterable[tuple[DataSet, Sequence[Item]]],
    degradations: Sequence[str] = (),
    protocol: str | None = None,
    limit: int | None = None,
) -> tuple[Column, ...]:
    """Every clean set with every degradation, and each paired set as it is."""
    return tuple(
        make_column(data, found, degradation, protocol, limit)
        for data, found in sets
        for degradation in ((None,) if data.paired else degradations or DEFAULT_DEGRADATIONS)
    )


def check_names(names: Iterable[str], what: str) -> None:
    """Raise :class:`OptionError` if two are the same."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise OptionError(f"{what} {name}: duplicate name; give one of them another")
        seen.add(name)
