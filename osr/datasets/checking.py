"""Whether a folder really holds a data set: counts, pairs, sizes, and the mean of its inputs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from osr.datasets.catalogue import DataSet, find
from osr.datasets.item import Item
from osr.datasets.layouts import Found
from osr.datasets.reading import look
from osr.evaluation.metrics import psnr
from osr_core.errors import ImageError, OptionError

TOLERANCE = 0.1
"""How far in dB the mean of a whole set may lie from the published one: files that were
re-encoded, or another rounding of luma."""


@dataclass(frozen=True)
class PartReport:
    """What was found of one part of a data set."""

    part: str
    """``train``, ``test``, or ``all`` where the folder does not tell them apart."""
    layout: str
    """The layout that fits."""
    images: int
    """Images found, whole pairs in paired sets."""
    expected: int | None
    """Images that are public; None for sets that are anybody's own."""
    read: int
    """Images that were read."""
    psnr: float | None
    """Mean PSNR in dB of the inputs that were read."""
    published: float | None
    """Mean PSNR that was published for the whole part."""
    problems: tuple[str, ...]
    """What is wrong, a line each."""
    warnings: tuple[str, ...]
    """What a user should know, a line each; a part that is not complete, for instance."""


@dataclass(frozen=True)
class Report:
    """What :func:`check` found."""

    name: str
    path: str
    protocol: str
    """How PSNR was measured."""
    parts: tuple[PartReport, ...]
    absent: tuple[str, ...] = ()
    """Public parts of which the folder holds nothing."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings do not count."""
        return not any(part.problems for part in self.parts)


def check(
    name: str,
    path: str | os.PathLike[str] | None = None,
    sample: int | None = None,
    on_progress: Callable[[int, int], object] = lambda done, total: None,
) -> Report:
    """Look at each part of a data set that a folder holds, and read its images.

    Args:
        name: of the catalogue.
        path: as in :func:`osr.datasets.items`.
        sample: read at most so many images of each part, evenly spread; None reads all.
        on_progress: called with the images of a part read so far, and with how many there are.

    Raises:
        OptionError: if there is no such set, or ``sample`` is below 1.
        ImageError: if the folder holds nothing of it.
    """
    data = find(name)
    if sample is not None and sample < 1:
        raise OptionError(f"sample must be at least 1, not {sample}")
    looks, errors = _look(data, path)
    if not looks:
        raise errors[-1]
    parts = tuple(_check(data, part, found, sample, on_progress) for part, found in looks.items())
    absent = tuple(p for p in data.counts if "all" not in looks and p not in looks)
    return Report(data.name, os.fspath(path or ""), str(data.convention), parts, absent)


def _look(
    data: DataSet, path: str | os.PathLike[str] | None
) -> tuple[Mapping[str, Found], list[ImageError]]:
    """What there is of each part; of both together where they are the same images."""
    looks: dict[str, Found] = {}
    errors = []
    for part in data.parts:
        try:
            looks[part] = look(data, path, part)
        except ImageError as error:
            errors.append(error)
    if any(found.items for found in looks.values()):
        # A layout without a single pair is that of the other part, seen with wrong eyes.
        looks = {part: found for part, found in looks.items() if found.items}
    if len(looks) > 1 and looks["train"].items == looks["test"].items:
        return {"all": looks["test"]}, errors
    return looks, errors


def _check(
    data: DataSet,
    part: str,
    found: Found,
    sample: int | None,
    on_progress: Callable[[int, int], object],
) -> PartReport:
    problems = list(found.missing)
    count = len(found.items)
    expected = _expected(data, part, count + len(found.missing))
    warnings = _count_problems(data, count, expected, problems)
    chosen = _spread(found.items, sample)
    values = []
    for done, item in enumerate(chosen, 1):
        try:
            value = _measure(item, data)
            if value is not None:
                values.append(value)
        except ImageError as error:
            problems.append(str(error))
        on_progress(done, len(chosen))
    is_test = expected is not None and expected == data.counts.get("test")
    published = data.psnr if is_test else None
    mean = float(np.mean(values)) if values else None
    if mean is not None and published is not None:
        whole = len(values) == expected
        line = _compare(values, mean, published, data)
        (problems if whole else warnings).extend(line)
    return PartReport(
        part, found.layout, count, expected, len(chosen), mean, published,
        tuple(problems), tuple(warnings),
    )  # fmt: skip


def _expected(data: DataSet, part: str, count: int) -> int | None:
    """How many images are public; of several parts the smallest that can hold those found."""
    if part != "all":
        return data.counts.get(part)
    counts = sorted(data.counts.values())
    return next((c for c in counts if c >= count), counts[-1] if counts else None)


def _count_problems(
    data: DataSet, count: int, expected: int | None, problems: list[str]
) -> list[str]:
    if expected is None or count == expected:
        return []
    if count > expected:
        problems.append(f"{count} images, but only {expected} are public: is it another set?")
        return []
    return [f"a part of the set: {count} of {expected} images; figures of it are not comparable"]


def _spread(items: tuple[Item, ...], sample: int | None) -> tuple[Item, ...]:
    if sample is None or sample >= len(items):
        return items
    return tuple(items[index * len(items) // sample] for index in range(sample))


def _measure(item: Item, data: DataSet) -> float | None:
    """PSNR of an item's input; None where it has none."""
    degraded, truth = item.load()
    depth = item.load_depth()
    if depth is not None and depth.shape != truth.shape[:2]:
        raise ImageError(f"{item.depth}: is not of the size of {item.truth}")
    if degraded is None:
        return None
    value = psnr(degraded, truth, data.convention).value
    if math.isinf(value):
        raise ImageError(f"{item.degraded}: equals its ground truth {item.truth}: nothing to mend")
    return value


def _compare(values: list[float], mean: float, published: float, data: DataSet) -> list[str]:
    """A line if the mean lies further from the published one than chance explains."""
    whole = len(values) == data.counts["test"]
    spread = 0.0 if whole or len(values) < 2 else float(np.std(values, ddof=1))
    margin = TOLERANCE + 4 * spread / math.sqrt(len(values))
    if abs(mean - published) <= margin or (not whole and len(values) < 2):
        return []
    return [
        f"mean input PSNR {mean:.2f} dB, but {published:.2f} is published ({data.convention}): "
        "were the images changed, or paired wrongly?"
    ]


def to_dict(report: Report) -> dict[str, Any]:
    """Plain JSON values."""
    return {
        "name": report.name,
        "path": report.path,
        "ok": report.ok,
        "protocol": report.protocol,
        "absent": list(report.absent),
        "parts": [vars(part) for part in report.parts],
    }
