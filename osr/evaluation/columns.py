"""The columns of the matrix: a data set, the degradation of its images, and the protocol."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osr.datasets import DataSet, Item, Split, catalogue, find, items
from osr.degradations import Chain
from osr.evaluation.metrics import Protocol
from osr.images import to_float, to_levels
from osr.training.recipe_files import load_stages
from osr.training.sampling import Samples
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
    """Kind of degradation, joined by ``+``; ``none`` for clean columns, or ``unknown``."""
    protocol: str
    """What :meth:`osr.evaluation.metrics.Protocol.parse` takes."""
    images: int
    """How many of the set's images are evaluated: the first ones."""
    items: tuple[Item, ...] = field(default=(), compare=False, repr=False)

    @property
    def clean(self) -> bool:
        """Whether its images are not degraded."""
        return self.kind in ("none", "grey")  # grey images have grey targets

    def within(self, max_pixels: int | None) -> Column:
        """The column, whose images are read with a limit; see :func:`osr.images.read`."""
        items = tuple(replace(item, max_pixels=max_pixels) for item in self.items)
        return replace(self, items=items)

    def load(self, index: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The degraded image of an item, float32, and its ground truth, uint8, both (H, W, 3).

        Synthetic degradation depends on the seed and the index alone. It is not clipped to [0, 1].
        """
        item = self.items[index]
        degraded, truth = item.load()
        if self.degradation is None:
            if degraded is None:
                raise ImageError(f"{item.truth}: has no degraded image")
            return to_float(degraded), truth
        rng = np.random.default_rng([seed, index])
        result, target = Chain.parse(self.degradation)(to_float(truth), rng, item.load_depth())
        return result, to_levels(target)


DataSetItems = tuple[DataSet, tuple[Item, ...]]


def locate(text: str, split: Split = "test") -> DataSetItems:
    """The data set of a folder, of ``NAME=PATH``, or of the name of one that needs no path.

    A folder alone is the set of its own name, if the catalogue has one; else a set of pairs if it
    holds a folder ``input``, else one of clean photographs, and gives the columns its name. Raises
    :class:`OptionError` for an unknown name, :class:`ImageError` if the folder does not hold it.
    """
    label, path = None, None
    if os.path.isdir(text):  # a path may contain "="
        folder, path = Path(text).resolve(), text
        if folder.name.lower().replace("_", "-") in catalogue():
            data = find(folder.name)
        else:
            data = find("pairs" if os.path.isdir(folder / "input") else "photographs")
            label = folder.name
    elif "=" in text:
        name, _, path = text.partition("=")
        data = find(name)
    elif os.sep in text or text in (".", ".."):
        raise ImageError(f"{text}: no such folder")
    else:
        data = find(text)
    found = items(data.name, path, split)
    if not found:
        raise ImageError(f"{path}: holds no images of {data.name}")
    return replace(data, name=label or data.name), found


def validation_sets(
    recipe: str | os.PathLike[str], folders: Mapping[str, list[str]]
) -> Iterator[DataSetItems]:
    """The photographs and pairs of a recipe's validation split, downscaled as in training."""
    loaded = load_stages(recipe, data=folders)[-1]
    if not loaded.validation.val_fraction:
        raise OptionError(f"{recipe}: validation.val_fraction is 0: no validation split")
    split = Samples.of(loaded).split()[1]
    for name, found in {**split.pairs, "photographs": split.photographs}.items():
        # Two folders may hold images of the same name.
        numbered = (
            replace(item, name=f"{i:03}-{item.name}", max_side=loaded.max_side)
            for i, item in enumerate(found)
        )
        if found:
            yield replace(find(name), name=f"validation {name}"), tuple(numbered)


def default_protocol(data: DataSet, degradation: Chain | None) -> Protocol:
    """The protocol in which results are usually published.

    That of the set if it has degraded images; Y for super-resolution, cropped by the scale; or RGB.
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
    """A column of a data set.

    Args:
        data: the data set.
        found: its images.
        degradation: such as ``noise:25`` or ``none``, for clean sets alone.
        protocol: what differs from :func:`default_protocol`, such as ``crop=2``.
        limit: largest number of images.
        name: of the column.
        kind: kind of degradation of a paired set that the catalogue does not know.
    """
    if data.paired and degradation is not None:
        raise OptionError(f"data set {data.name}: has degraded images; omit {degradation}")
    if not data.paired and degradation is None:
        raise OptionError(
            f"data set {data.name}: has clean images; give a degradation such as noise:25"
        )
    chain = None if degradation is None else Chain.parse(degradation)
    default, images = default_protocol(data, chain), tuple(found[:limit])
    return Column(
        name or f"{data.name} {chain or ''}".strip(),
        data.name,
        None if chain is None else str(chain),
        kind or data.degradation or "unknown" if chain is None else chain.kind,
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
    for name, count in Counter(names).items():
        if count > 1:
            raise OptionError(f"{what} {name}: duplicate name; give one of them another")
