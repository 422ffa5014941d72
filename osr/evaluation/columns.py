"""The columns of the matrix: a data set, what is done to it, and how it is measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from osr.datasets import DataSet, catalogue, find, items
from osr.degradations import Chain
from osr.evaluation.metrics import Convention
from osr.evaluation.protocols import customary, describe, parse_protocol
from osr.evaluation.records import ColumnEntry
from osr_core.errors import ImageError, OptionError

if TYPE_CHECKING:
    from osr.datasets import Item

DEFAULT_DEGRADATION = ("none", "noise:25", "rain:0.3", "haze:1.3", "blur:2", "low_resolution:2",
                  "jpeg:20", "low_light:2")  # fmt: skip
"""What is done to clean sets where nothing is asked for: kinds that most models know and kinds that
few do, each at a level that is plainly seen."""


@dataclass(frozen=True)
class Data:
    """A data set where it lies."""

    name: str
    """In the names of columns."""
    entry: DataSet
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Column:
    """A data set, the degradation applied if it is a clean one, and the protocol of its figures."""

    name: str
    data: Data
    degradation: Chain | None
    kind: str
    """Kind of degradation; ``none`` for clean columns, ``unknown`` where nobody said."""
    convention: Convention
    items: tuple[Item, ...]
    """The images that are evaluated: the first ones of the data set."""

    @property
    def entry(self) -> ColumnEntry:
        """What of it is written down."""
        return ColumnEntry(
            self.name,
            self.data.name,
            None if self.degradation is None else str(self.degradation),
            self.kind,
            len(self.items),
            describe(self.convention, self.degradation),
            clean=self.kind == "none",
        )

    def load(self, index: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The degraded image of an item, float32, and its truth, uint8, both (H, W, 3).

        Synthetic degradation is drawn from the seed and the index and is not clipped to [0, 1].

        Raises:
            ImageError: if a file cannot be read, or is none of the set's.
        """
        item = self.items[index]
        degraded, truth = item.load()
        if self.degradation is None:
            if degraded is None:
                raise ImageError(f"{item.truth}: has no degraded twin")
            return degraded.astype(np.float32) / np.float32(255), truth
        clear = truth.astype(np.float32) / np.float32(255)
        rng = np.random.default_rng([seed, index])
        result, target = self.degradation(clear, rng, item.load_depth())
        return result, np.rint(target * np.float32(255)).astype(np.uint8)


def locate(text: str) -> Data:
    """The data set of ``NAME=PATH``, of the name of one that needs no path, or of a folder.

    A folder alone is the set of its own name, if the catalogue has one; else one of pairs if it
    holds a folder ``input``, else one of clear photographs, and names its columns.

    Raises:
        OptionError: if the name is unknown.
        ImageError: if the folder does not hold it.
    """
    name, equals, path = text.partition("=")
    if equals:
        return _data(find(name), path)
    if os.path.isdir(text):
        folder = Path(text).resolve()
        if folder.name.lower().replace("_", "-") in catalogue():
            return _data(find(folder.name), text)
        paired = (folder / "input").is_dir()
        return _data(find("pairs" if paired else "photographs"), text, folder.name)
    if os.sep in text or text in (".", ".."):
        raise ImageError(f"{text}: no such folder")
    return _data(find(text), None)


def make_column(
    data: Data,
    degradation: str | None = None,
    protocol: str | None = None,
    limit: int | None = None,
    name: str | None = None,
    kind: str | None = None,
) -> Column:
    """A column of a data set.

    Args:
        data: the set.
        degradation: what is done to the images of a clean set, for instance ``noise:25`` or ``none``.
        protocol: see :func:`osr.evaluation.protocols.parse_protocol`; by default the
            customary one.
        limit: largest number of images.
        name: of the column; by default those of the data set and of the degradation.
        kind: of the degradation in a paired set that the catalogue does not know.

    Raises:
        OptionError: if the degradation does not fit the set, or an argument makes no sense.
    """
    if data.entry.paired == (degradation is not None):
        raise OptionError(
            f"data set {data.name}: brings its own degradation; leave out {degradation}"
            if degradation is not None
            else f"data set {data.name}: is of clear images; name a degradation such as noise:25"
        )
    done = None if degradation is None else Chain.parse(degradation)
    convention = customary(data.entry, done)
    if protocol is not None:
        convention = parse_protocol(protocol, convention)
    return Column(
        name or f"{data.name} {done or ''}".strip(),
        data,
        done,
        done.kind if done is not None else kind or data.entry.degradation or "unknown",
        convention,
        data.items[:limit],
    )


def grid(
    sets: Sequence[Data],
    degradations: Sequence[str] = (),
    protocol: str | None = None,
    limit: int | None = None,
) -> tuple[Column, ...]:
    """Every clean set with every degradation, and each paired set as it is."""
    columns = []
    for data in sets:
        chosen = (None,) if data.entry.paired else tuple(degradations) or DEFAULT_DEGRADATION
        columns += [make_column(data, degradation, protocol, limit) for degradation in chosen]
    check_names((column.name for column in columns), "column")
    return tuple(columns)


def check_names(names: Iterable[str], what: str) -> None:
    """Raise :class:`OptionError` if two are the same."""
    taken: set[str] = set()
    for name in names:
        if name in taken:
            raise OptionError(f"{what} {name}: comes twice; give one of them another name")
        taken.add(name)


def _data(entry: DataSet, path: str | None, name: str | None = None) -> Data:
    found = items(entry.name, path)
    if not found:
        raise ImageError(f"{path}: holds no images of {entry.name}")
    return Data(name or entry.name, entry, found)
