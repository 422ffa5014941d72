"""Verify a copy of a data set: counts, pairs, sizes, readability, and the mean input PSNR."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from osr.datasets.catalogue import DataSet, find, scan
from osr.datasets.item import Item
from osr.datasets.layouts import Match
from osr.evaluation.metrics import psnr
from osr_core.errors import ImageError, OptionError

TOLERANCE = 0.1
"""Largest distance in dB of the mean of a whole set from the published one: files that were
re-encoded, or another rounding of luma."""


@dataclass(frozen=True)
class SplitReport:
    """What was found of one split of a data set."""

    split: str
    """``train``, ``test``, or ``all`` where the folder does not separate them."""
    layout: str
    images: int
    """Images found, whole pairs in paired sets."""
    expected: int | None
    """Images that are public; None for a user's own data."""
    read: int
    psnr: float | None
    """Mean PSNR in dB of the inputs that were read."""
    published: float | None
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """The result of :func:`check`."""

    name: str
    path: str
    protocol: str
    """How PSNR was measured."""
    splits: tuple[SplitReport, ...]
    missing: tuple[str, ...] = ()
    """Public splits of which the folder holds nothing."""

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings do not count."""
        return not any(split.errors for split in self.splits)


def check(
    name: str,
    path: str | os.PathLike[str] | None = None,
    sample: int | None = None,
    on_progress: Callable[[int, int], object] = lambda done, total: None,
) -> Report:
    """Verify every split of a data set that a folder holds, and read its images.

    Args:
        name: of the catalogue.
        path: as in :func:`osr.datasets.items`.
        sample: read at most so many images per split, evenly spread; None reads all.
        on_progress: called with the number of images of a split read so far, and their total.

    Raises:
        OptionError: if there is no such set, or ``sample`` is below 1.
        ImageError: if the folder holds nothing of it.
    """
    data = find(name)
    if sample is not None and sample < 1:
        raise OptionError(f"sample must be at least 1, not {sample}")
    found = _scan(data, path)
    splits = tuple(_check(data, split, m, sample, on_progress) for split, m in found.items())
    missing = tuple(s for s in data.counts if "all" not in found and s not in found)
    return Report(data.name, os.fspath(path or ""), str(data.protocol), splits, missing)


def _scan(data: DataSet, path: str | os.PathLike[str] | None) -> Mapping[str, Match]:
    """The images of each split; of both together where they are the same ones."""
    found: dict[str, Match] = {}
    error = None
    for split in data.splits:
        try:
            found[split] = scan(data, path, split)
        except ImageError as reason:
            error = reason
    if error is not None and not found:
        raise error
    # A layout without a single pair belongs to the other split.
    found = {split: match for split, match in found.items() if match.items} or found
    if len(found) > 1 and found["train"].items == found["test"].items:
        return {"all": found["test"]}
    return found


def _check(
    data: DataSet,
    split: str,
    match: Match,
    sample: int | None,
    on_progress: Callable[[int, int], object],
) -> SplitReport:
    errors, warnings, values = list(match.missing), [], []
    count = len(match.items)
    expected = data.counts.get(split)
    if split == "all":  # the smallest split that can hold those found
        counts, least = sorted(data.counts.values()), count + len(match.missing)
        expected = next((c for c in counts if c >= least), max(counts, default=None))
    if expected is not None and count > expected:
        errors.append(f"{count} images, but only {expected} are public: is it another set?")
    elif expected is not None and count < expected:
        warnings.append(f"incomplete: {count} of {expected} images; figures are not comparable")
    wanted = min(sample or count, count)
    for done in range(wanted):
        try:
            values += _input_psnr(match.items[done * count // wanted], data)
        except ImageError as error:
            errors.append(str(error))
        on_progress(done + 1, wanted)
    mean = float(np.mean(values)) if values else None
    published = data.psnr if expected and expected == data.counts.get("test") else None
    whole = len(values) == expected
    chance = 4 * np.std(values, ddof=1) / math.sqrt(len(values)) if values[1:] else math.inf
    if mean and published and abs(mean - published) > TOLERANCE + (0 if whole else chance):
        (errors if whole else warnings).append(
            f"mean input PSNR {mean:.2f} dB, but {published:.2f} is published "
            f"({data.protocol}): were the images changed, or paired wrongly?"
        )
    results = count, expected, wanted, mean, published, tuple(errors), tuple(warnings)
    return SplitReport(split, match.layout, *results)


def _input_psnr(item: Item, data: DataSet) -> list[float]:
    """PSNR of an item's degraded image; empty where it has none."""
    degraded, truth = item.load()
    depth = item.load_depth()
    if depth is not None and depth.shape != truth.shape[:2]:
        raise ImageError(f"{item.depth}: is not of the size of {item.truth}")
    if degraded is None:
        return []
    value = psnr(degraded, truth, data.protocol)
    if math.isinf(value):
        raise ImageError(f"{item.degraded}: equals its ground truth {item.truth}: not degraded")
    return [value]
