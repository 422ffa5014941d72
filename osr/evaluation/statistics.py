"""From rows to figures: gains, confidence intervals, and the three figures of OSR.

Two conventions make all of them finite and weigh kinds of degradation rather than sets of images:

* A PSNR above :data:`CEILING` counts as that in every mean and difference, equal pictures included.
* A figure over several columns is the mean of the columns' means, so that a set of ten images says
  as much about its degradation as one of five hundred.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osr.evaluation.records import ColumnEntry, Description, ModelEntry, Row, read_rows
from osr.evaluation.seen import NO_RECIPE
from osr_core.errors import OptionError

CEILING = 100.0
"""Decibels above which no difference is told: 8-bit pictures that anyone would call equal."""

NOTICEABLE = 0.2
"""Decibels that an image must lose to be counted among the harmed."""

RESAMPLES, LEVEL = 2000, 0.95
"""Of every bootstrap interval."""

Values = NDArray[np.float64]
State = Literal["seen", "unseen", "clean", "unknown"]


class Interval(NamedTuple):
    """A mean and its bootstrap confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class OSRFigures:
    """What a model does to degradation that it knows and to degradation that it never saw.

    Gains are means over columns of the columns' mean gains in PSNR; harm is counted over all
    unseen images together. Not a number where there is no such column.
    """

    seen_gain: float
    """dB."""
    unseen_gain: float
    """dB."""
    harm_share: float
    """Share of unseen images that lost more than :data:`NOTICEABLE` dB."""
    harm_loss: float
    """Mean loss among those in dB, positive; 0 where there are none."""
    worse_share: float
    """Share of unseen images that lost anything."""
    worse_loss: float
    """Mean loss among those in dB, positive; 0 where there are none."""
    seen_interval: Interval
    unseen_interval: Interval
    """Of the gain, over images, the columns taken as given."""
    seen_columns: int
    unseen_columns: int
    unseen_images: int


@dataclass(frozen=True)
class Results:
    """An evaluation as it stands in its folder, and the figures that follow from it."""

    description: Description
    rows: tuple[Row, ...]

    @property
    def models(self) -> Sequence[ModelEntry]:
        """The rows of the matrix, in its order."""
        return self.description.models

    @property
    def columns(self) -> Sequence[ColumnEntry]:
        """The columns of the matrix, in its order."""
        return self.description.columns

    @cached_property
    def _cells(self) -> dict[tuple[str, str], list[Row]]:
        cells: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.image):
            cells.setdefault((row.model, row.column), []).append(row)
        return cells

    def cell(self, model: str | ModelEntry, column: str | ColumnEntry) -> Sequence[Row]:
        """The rows of a model and column in the order of the images' names; maybe none."""
        return self._cells.get((_name(model), _name(column)), [])

    def gain(self, model: str | ModelEntry, column: str | ColumnEntry) -> Values:
        """PSNR over that of the untouched input for each image, (images,) in dB."""
        rows = self.cell(model, column)
        before, after = (capped([getattr(r, n) for r in rows]) for n in ("input_psnr", "psnr"))
        return after - before

    def state(self, model: str | ModelEntry, column: str | ColumnEntry) -> State:
        """Whether a model was trained on a column's kind of degradation.

        ``unknown`` where the column's kind is, or where the model's training is and does not
        name that kind; ``clean`` where there is no degradation.
        """
        entry = self.model(_name(model))
        place = self.column(_name(column))
        if place.clean:
            return "clean"
        if place.kind == "unknown":
            return "unknown"
        if set(place.kind.split("+")) <= set(entry.seen):
            return "seen"
        return "unknown" if NO_RECIPE in entry.unknown else "unseen"

    def model(self, name: str) -> ModelEntry:
        """The model of a name; :class:`OptionError` if there is none."""
        return _find(name, self.models, "model")

    def column(self, name: str) -> ColumnEntry:
        """The column of a name; :class:`OptionError` if there is none."""
        return _find(name, self.columns, "column")

    def osr_figures(self, model: str | ModelEntry) -> OSRFigures:
        """Gain on seen degradation, gain on unseen degradation, and harm."""
        gains: dict[State, list[Values]] = {}
        for column in self.columns:
            if len(values := self.gain(model, column)):
                gains.setdefault(self.state(model, column), []).append(values)
        known, new = gains.get("seen", []), gains.get("unseen", [])
        pooled = np.concatenate(new) if new else np.zeros(0)
        seen, unseen = mean_interval(known), mean_interval(new)
        return OSRFigures(
            seen.mean,
            unseen.mean,
            *_losses(pooled, NOTICEABLE),
            *_losses(pooled, 0.0),
            seen_interval=seen,
            unseen_interval=unseen,
            seen_columns=len(known),
            unseen_columns=len(new),
            unseen_images=len(pooled),
        )


def load(folder: str | os.PathLike[str]) -> Results:
    """The results of the folder of an evaluation, a half-done one included.

    Raises:
        OptionError: if it holds none, or a file in it is degraded.
    """
    return Results(Description.load(folder), tuple(read_rows(folder)))


def interval(values: ArrayLike, seed: int = 0) -> Interval:
    """Mean of values and its 95 % percentile bootstrap interval (Efron, Ann. Stat. 7(1), 1979).

    Not a number for no values, and of no width for one.

    >>> interval([1.0, 1.0, 1.0])
    Interval(mean=1.0, low=1.0, high=1.0)
    """
    return mean_interval([np.asarray(values, np.float64)], seed)


def mean_interval(columns: Sequence[Values], seed: int = 0) -> Interval:
    """Mean of the means of several columns, and its interval: each is resampled for itself."""
    columns = [column for column in columns if len(column)]
    if not columns:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = np.mean([_resampled_means(column, rng) for column in columns], axis=0)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = float(np.mean([column.mean() for column in columns]))
    return Interval(mean, float(low), float(high))


def capped(values: ArrayLike) -> Values:
    """PSNRs, those above the ceiling replaced by it."""
    return np.minimum(np.asarray(values, np.float64), CEILING)


def _resampled_means(values: Values, rng: np.random.Generator) -> Values:
    count = len(values)
    # At most some 30 MB of indices at once, whatever the number of images.
    portion = max(1, 4_000_000 // count)
    sizes = [min(portion, RESAMPLES - done) for done in range(0, RESAMPLES, portion)]
    return np.concatenate([values[rng.integers(count, size=(n, count))].mean(1) for n in sizes])


def _losses(gains: Values, margin: float) -> tuple[float, float]:
    """Share of gains below minus the margin, and the mean loss among them."""
    if not len(gains):
        return float("nan"), float("nan")
    harmed = gains[gains < -margin]
    return len(harmed) / len(gains), -float(harmed.mean()) if len(harmed) else 0.0


def _name(entry: str | ModelEntry | ColumnEntry) -> str:
    return entry if isinstance(entry, str) else entry.name


def _find(name: str, entries: Sequence[Any], what: str) -> Any:
    for entry in entries:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in entries)
    raise OptionError(f"{what} {name}: not in this report; it has {names}")
