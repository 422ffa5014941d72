"""From rows to figures: gains, confidence intervals, and the three figures of OSR.

* A PSNR above :data:`CEILING` counts as that in every mean and difference, equal images included.
* A figure over several columns is the mean of the columns' means, so that a set of ten images
  weighs as much as one of five hundred.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osr.evaluation.columns import Column
from osr.evaluation.models import NO_RECIPE, Model
from osr.evaluation.records import Description, Row, read_rows
from osr_core.errors import OptionError

CEILING = 99.0
"""Decibels above which 8-bit images count as equal."""

NOTICEABLE = 0.2
"""Decibels that an image must lose to count as harmed."""

RESAMPLES, LEVEL = 2000, 0.95
"""Of every bootstrap interval."""

Values = NDArray[np.float64]
State = Literal["seen", "unseen", "clean", "unknown"]


@dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap confidence interval; not a number where there is no value."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """Gains of a model on seen and on unseen degradation, and its harm.

    Gains are means over columns of the columns' mean gains in PSNR, in dB; harm is counted over all
    unseen images together. Not a number where there is no such column.
    """

    seen: Interval
    unseen: Interval
    seen_columns: int
    unseen_columns: int
    unseen_images: int
    harm_share: float
    """Share of unseen images that lost more than :data:`NOTICEABLE` dB."""
    harm_loss: float
    """Mean loss among those in dB, positive; 0 where there are none."""


@dataclass(frozen=True)
class Results:
    """An evaluation as saved in its folder, and the figures that follow from it."""

    description: Description
    rows: tuple[Row, ...]

    @property
    def models(self) -> Sequence[Model]:
        """The rows of the matrix."""
        return self.description.models

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of the matrix."""
        return self.description.columns

    @cached_property
    def _cells(self) -> dict[tuple[str, str], list[Row]]:
        cells: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.image):
            cells.setdefault((row.model, row.column), []).append(row)
        return cells

    def cell(self, model: str, column: str) -> Sequence[Row]:
        """The rows of a model and column in the order of the images' names; may be empty."""
        return self._cells.get((model, column), [])

    def values(self, model: str, column: str, figure: str) -> Values:
        """A figure of each image, (images,), for instance ``psnr``; not above the ceiling."""
        return capped([getattr(row, figure) for row in self.cell(model, column)])

    def gain(self, model: str, column: str) -> Values:
        """PSNR over that of the input for each image, (images,) in dB."""
        return self.values(model, column, "psnr") - self.values(model, column, "input_psnr")

    def state(self, model: str, column: str) -> State:
        """Whether a model was trained on all kinds of a column's degradation."""
        trained, place = self.model(model), self.column(column)
        if place.clean:
            return "clean"
        if set(place.kind.split("+")) <= set(trained.seen):
            return "seen"
        if place.kind == "unknown" or NO_RECIPE in trained.unknown:
            return "unknown"
        return "unseen"

    def model(self, name: str) -> Model:
        """The model of a name; :class:`OptionError` if there is none."""
        return _find(name, self.models, "model")

    def column(self, name: str) -> Column:
        """The column of a name; :class:`OptionError` if there is none."""
        return _find(name, self.columns, "column")

    def figures(self, model: str) -> Figures:
        """Gain on seen degradation, gain on unseen degradation, and harm."""
        gains: dict[State, list[Values]] = {"seen": [], "unseen": []}
        for column in self.columns:
            if len(values := self.gain(model, column.name)):
                gains.setdefault(self.state(model, column.name), []).append(values)
        seen, unseen = gains["seen"], gains["unseen"]
        pooled = np.concatenate([*unseen, np.zeros(0)])
        harmed = pooled[pooled < -NOTICEABLE]
        counts = len(seen), len(unseen), len(pooled)
        share = len(harmed) / len(pooled) if len(pooled) else float("nan")
        loss = -float(harmed.mean()) if len(harmed) else 0.0
        return Figures(interval(*seen), interval(*unseen), *counts, share, loss)


def load(folder: str | os.PathLike[str]) -> Results:
    """The results in a folder; :class:`OptionError` if it holds none or they are corrupted."""
    return Results(Description.load(folder), tuple(read_rows(folder)))


def interval(*columns: ArrayLike) -> Interval:
    """Mean of the means of columns, and its 95 % percentile bootstrap interval over their images.

    Every column is resampled for itself, with a fixed seed (Efron, Ann. Stat. 7(1), 1979).

    >>> interval([1.0, 1.0, 1.0])
    Interval(mean=1.0, low=1.0, high=1.0)
    """
    from scipy.stats import bootstrap

    data = [np.asarray(column, np.float64) for column in columns if np.size(column)]
    if not data:
        return Interval(float("nan"), float("nan"), float("nan"))
    found = bootstrap(
        [np.resize(column, max(2, len(column))) for column in data],  # SciPy refuses single ones
        lambda *samples, axis: sum(s.mean(axis) for s in samples) / len(samples),
        n_resamples=RESAMPLES,
        batch=max(1, 2_000_000 // max(map(len, data))),
        confidence_level=LEVEL,
        method="percentile",
        vectorized=True,
        random_state=0,
    ).confidence_interval
    mean = float(np.mean([column.mean() for column in data]))
    return Interval(mean, float(found.low), float(found.high))


def capped(values: ArrayLike) -> Values:
    """PSNRs, those above the ceiling replaced by it."""
    return np.minimum(np.asarray(values, np.float64), CEILING)


def _find(name: str, entries: Sequence[Any], what: str) -> Any:
    for entry in entries:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in entries)
    raise OptionError(f"{what} {name}: not in this report; it has {names}")
