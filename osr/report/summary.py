"""The figures of an evaluation as all three forms of the report print them, worked out once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.records import ColumnEntry, ModelEntry
from osr.evaluation.statistics import CEILING, OSRFigures, Results, capped, interval
from osr.report.markup import plain

State = Literal["seen", "unseen", "clean", "unknown", "baseline", "none"]

STATES: Mapping[State, str] = {
    "seen": "seen in training",
    "unseen": "never seen",
    "clean": "clean",
    "unknown": "not known whether seen",
    "baseline": "classical",
    "none": "",
}
"""What a cell says about training; ``none`` for the untouched input, which learnt nothing."""


@dataclass(frozen=True)
class Cell:
    """One model on one column: means over images."""

    model: str
    column: str
    state: State
    images: int
    gains: NDArray[np.float64]
    """(images,) in dB, in the order of the images' names."""
    gain: float
    """Mean in dB, and its 95 % interval."""
    low: float
    high: float
    input_psnr: float
    psnr: float
    input_ssim: float
    ssim: float
    worse: float
    """Share of images whose PSNR fell."""
    names: Sequence[str]
    """Of the images, as ordered in ``gains``."""

    @property
    def of_degradation(self) -> bool:
        """Whether there was something to gain: a model on an image that is not clean."""
        return self.state not in ("none", "clean")

    @property
    def known(self) -> str:
        """Whether the model was trained on this degradation, in a word."""
        return {"seen": "yes", "unseen": "no", "unknown": "?"}.get(self.state, "–")


@dataclass(frozen=True)
class Line:
    """A row of the matrix as it is printed: a model, or classical specialists side by side."""

    title: str
    about: str
    kind: str
    cells: Mapping[str, Cell]
    """By the name of the column."""
    mixed: bool = False
    """Whether cells belong to different models, so that each needs a name."""


@dataclass(frozen=True)
class Summary:
    """A whole evaluation."""

    models: Sequence[ModelEntry]
    columns: Sequence[ColumnEntry]
    cells: Mapping[tuple[str, str], Cell]
    """By the names of model and column; what was not run is not there."""
    figures: Mapping[str, OSRFigures]
    """The three figures by model, without the untouched input."""
    limit: float
    """Gain in dB at which the colours of the heat map end."""

    @property
    def titles(self) -> dict[str, str]:
        """Title of each model by its name."""
        return {model.name: model.title or model.name for model in self.models}

    @property
    def judged(self) -> list[ModelEntry]:
        """All models but the untouched input."""
        return [model for model in self.models if model.kind != "untouched"]

    @property
    def networks(self) -> list[ModelEntry]:
        """The models of which the three figures tell: the networks, else whatever was judged."""
        return [model for model in self.models if model.kind == "network"] or self.judged

    @property
    def first(self) -> ModelEntry | None:
        """The model that the report is about: the first network, else the first other."""
        return next(iter(self.networks), None)

    def row(self, model: ModelEntry) -> dict[str, Cell]:
        """The cells of a model by the name of the column."""
        pairs = ((c.name, self.cells.get((model.name, c.name))) for c in self.columns)
        return {name: cell for name, cell in pairs if cell is not None}

    def lines(self) -> list[Line]:
        """The rows of the matrix; baselines that share no column share a row.

        Each is meant for a few kinds of degradation only, and alone would leave its row all but empty.
        """
        lines = []
        shared: list[list[ModelEntry]] = []
        for model in self.models:
            row = self.row(model)
            if model.kind != "baseline":
                about = f"{model.parameters:,} parameters" if model.parameters else ""
                lines.append(Line(self.titles[model.name], about, model.kind, row))
                continue
            free = (g for g in shared if not any(row.keys() & self.row(m).keys() for m in g))
            place = next(free, None)
            if place is None:
                shared.append([model])
            else:
                place.append(model)
        return lines + [self._shared(group) for group in shared]

    def _shared(self, group: Sequence[ModelEntry]) -> Line:
        cells = {name: cell for model in group for name, cell in self.row(model).items()}
        if len(group) == 1:
            return Line(self.titles[group[0].name], "baseline", "baseline", cells)
        return Line("Classical specialist", "baselines", "baseline", cells, mixed=True)


def summarise(results: Results) -> Summary:
    """Work out every figure of an evaluation."""
    pairs = ((model, column) for model in results.models for column in results.columns)
    found = (_cell(results, model, column) for model, column in pairs)
    cells = {(cell.model, cell.column): cell for cell in found if cell is not None}
    return Summary(
        results.models,
        results.columns,
        cells,
        {m.name: results.osr_figures(m) for m in results.models if m.kind != "untouched"},
        _limit([abs(cell.gain) for cell in cells.values() if cell.of_degradation]),
    )


def _cell(results: Results, model: ModelEntry, column: ColumnEntry) -> Cell | None:
    rows = results.cell(model, column)
    if not rows:
        return None
    gains = results.gain(model, column)
    state: State = results.state(model, column)
    if model.kind == "untouched":
        state = "none"
    elif model.kind == "baseline" and state != "clean":
        state = "baseline"

    def mean(name: str, values: Any = np.asarray) -> float:
        return float(values([getattr(row, name) for row in rows]).mean())

    return Cell(
        model.name,
        column.name,
        state,
        len(rows),
        gains,
        *interval(gains),
        mean("input_psnr", capped),
        mean("psnr", capped),
        mean("input_ssim"),
        mean("ssim"),
        float((gains < 0).mean()),
        [row.image for row in rows],
    )


def decibels(psnr: float) -> str:
    """A PSNR; beyond the ceiling no difference is told.

    >>> decibels(31.468), decibels(100.0)
    ('31.47', '≥100')
    """
    return f"≥{CEILING:g}" if psnr >= CEILING else plain(psnr)


def _limit(sizes: Sequence[float]) -> float:
    """End of the colour scale: most gains lie within, and one huge one does not pale the rest."""
    if not sizes:
        return 1.0
    return max(1.0, math.ceil(2 * float(np.quantile(sizes, 0.85))) / 2)
