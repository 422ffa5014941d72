"""The figures of an evaluation as page, Markdown and plots show them, and their text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.columns import Column
from osr.evaluation.models import Model
from osr.evaluation.statistics import CEILING, NOTICEABLE, Figures, Interval, Results, interval

MINUS = "\u2212"

State = Literal["seen", "unseen", "clean", "unknown", "zero-shot", "baseline", "input"]

STATES: Mapping[State, str] = {
    "seen": "seen in training",
    "unseen": "never seen",
    "clean": "clean",
    "unknown": "not known whether seen",
    "zero-shot": "fitted to the image",
    "baseline": "classical",
    "input": "",
}
"""What a cell says about training."""

_EXTREMES = 6  # images that are named at each end of a model's gains


@dataclass(frozen=True)
class Cell:
    """One model on one column."""

    model: Model
    column: Column
    state: State
    names: Sequence[str]
    """Of the images."""
    gains: NDArray[np.float64]
    """(images,) in dB."""
    gain: Interval
    mean: Mapping[str, float]
    """Over the images, of ``input_psnr``, ``psnr``, ``input_ssim`` and ``ssim``."""

    @property
    def has_gain(self) -> bool:
        """Whether there is something to gain: a model on an image that is not clean."""
        return self.state not in ("input", "clean")

    @property
    def text(self) -> str:
        """What the matrix shows: the gain, or the PSNR where there is none."""
        return signed(self.gain.mean) if self.has_gain else decibels(self.mean["psnr"])

    @property
    def details(self) -> tuple[str, ...]:
        """The values under :data:`HEADINGS`."""
        worse = percent(float((self.gains < -NOTICEABLE).mean()))
        gain = (signed(self.gain.mean), ends(self.gain), worse) if self.has_gain else ("–",) * 3
        known = {"seen": "yes", "unseen": "no", "unknown": "?"}.get(self.state, "–")
        psnr = (decibels(self.mean[name]) for name in ("input_psnr", "psnr"))
        ssim = (plain(self.mean[name], 4) for name in ("input_ssim", "ssim"))
        return (known, str(len(self.gains)), *psnr, *gain, *ssim)


HEADINGS = ("trained on it", "images", "PSNR in", "PSNR out", "gain", "95 % interval",
            f"worse by over {NOTICEABLE} dB", "SSIM in", "SSIM out")  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row of the matrix as it is printed: a model, or all baselines."""

    title: str
    about: str
    kind: str
    cells: Sequence[Cell | None]
    """One per column; None where the model was not run."""


@dataclass(frozen=True)
class View:
    """A whole evaluation."""

    results: Results

    @cached_property
    def cells(self) -> Mapping[tuple[str, str], Cell]:
        """By the names of model and column."""
        pairs = product(self.results.models, self.results.columns)
        found = (_cell(self.results, model, column) for model, column in pairs)
        return {(cell.model.name, cell.column.name): cell for cell in found if cell is not None}

    @cached_property
    def figures(self) -> Mapping[str, Figures]:
        """By the name of the model, without the input."""
        return {model.name: self.results.figures(model.name) for model in self.evaluated}

    @property
    def columns(self) -> Sequence[Column]:
        """Of the matrix."""
        return self.results.columns

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """Kinds of degradation as headings above the columns, and how many columns each has."""
        groups = groupby(self.columns, key=lambda column: column.kind)
        return [(spaced(kind), len(list(group))) for kind, group in groups]

    @property
    def evaluated(self) -> list[Model]:
        """All models but the input."""
        return [model for model in self.results.models if model.kind != "input"]

    @property
    def networks(self) -> list[Model]:
        """The models whose three figures are shown: the networks, else whatever was evaluated."""
        return [model for model in self.evaluated if model.kind == "network"] or self.evaluated

    @property
    def first(self) -> Model | None:
        """The model that the report is about: the first network, else the first other."""
        return next(iter(self.networks), None)

    def row(self, model: Model) -> list[Cell | None]:
        """The cells of a model, one per column."""
        return [self.cells.get((model.name, column.name)) for column in self.columns]

    def seconds(self, model: Model) -> str:
        """Mean duration of a restoration in this evaluation, which loads and scores meanwhile."""
        durations = [row.seconds for row in self.results.rows if row.model == model.name]
        mean = float(np.mean(durations)) if durations else math.nan
        return f"{mean:.{0 if mean >= 10 else 2}f} s"

    def spread(self, column: Column) -> list[Cell]:
        """The cells of a column whose gains can be plotted."""
        found = (self.cells.get((model.name, column.name)) for model in self.evaluated)
        return [cell for cell in found if cell is not None and cell.has_gain]

    @property
    def lines(self) -> list[Line]:
        """The rows of the matrix; baselines share one, which shows the best one of each column."""
        lines, baselines = [], []
        for model in self.results.models:
            if model.kind == "baseline":
                baselines.append(self.row(model))
                continue
            about = f"{model.parameters:,} parameters" if model.parameters else ""
            if model.kind == "zero-shot":
                about += f", fitted in {self.seconds(model)} an image"
            lines.append(Line(model.title, about, model.kind, self.row(model)))
        if baselines:
            cells = [
                max(filter(None, one), key=lambda cell: cell.gain.mean, default=None)
                for one in zip(*baselines, strict=True)
            ]
            lines.append(Line("Classical baselines", "", "baseline", cells))
        return lines

    @property
    def limit(self) -> float:
        """Gain in dB at which the colours of the matrix end; 85 % of the gains are within it."""
        sizes = [abs(cell.gain.mean) for cell in self.cells.values() if cell.has_gain]
        return max(1.0, math.ceil(2 * float(np.quantile(sizes, 0.85))) / 2) if sizes else 1.0

    @property
    def extremes(self) -> list[tuple[Model, tuple[str, str], tuple[str, str]]]:
        """The images on which each model did worst and best: gain and name of both, paired."""
        rows = []
        for model in self.evaluated:
            cells = [cell for cell in self.row(model) if cell is not None and cell.has_gain]
            gains = sorted(
                (float(gain), f"{cell.column.name} / {name}")
                for cell in cells
                for gain, name in zip(cell.gains, cell.names, strict=True)
            )
            ranked = [(signed(gain), name) for gain, name in gains]
            most = min(_EXTREMES, len(ranked) // 2)
            rows += [(model, ranked[i], ranked[-1 - i]) for i in range(most)]
        return rows

    def axis(self, value: float) -> str:
        """Place of a gain on the axis of the three figures, in per cent of its width."""
        figures = [self.figures[model.name] for model in self.networks]
        ends = (end for f in figures for i in (f.seen, f.unseen) for end in (i.low, i.high))
        finite = [0.0, *filter(math.isfinite, ends)]
        low, high = min(finite), max(finite)
        return f"{5 + 90 * (value - low) / (high - low or 1.0):.2f}%"


def _cell(results: Results, model: Model, column: Column) -> Cell | None:
    place = model.name, column.name
    rows = results.cell(*place)
    if not rows:
        return None
    state: State = results.state(*place)
    if model.kind == "input" or (model.kind != "network" and state != "clean"):
        state = model.kind
    gains, figures = results.gain(*place), ("input_psnr", "psnr", "input_ssim", "ssim")
    mean = {name: float(results.values(*place, name).mean()) for name in figures}
    return Cell(model, column, state, [row.image for row in rows], gains, interval(gains), mean)


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign; a true minus, so that columns of figures line up.

    >>> signed(1.234), signed(-0.001), signed(float("nan"))
    ('+1.23', '0.00', '–')
    """
    text = plain(value, digits)
    if not value > 0 or (math.isfinite(value) and float(text) == 0):
        return text.removeprefix(MINUS) if text.strip(f"{MINUS}0.") == "" else text
    return f"+{text}"


def plain(value: float, digits: int = 2) -> str:
    """A figure without a plus sign.

    >>> plain(31.468), plain(float("inf")), plain(float("nan"))
    ('31.47', '∞', '–')
    """
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", MINUS).replace("inf", "∞")


def decibels(psnr: float) -> str:
    """A PSNR; above the ceiling images count as equal."""
    return f"≥{CEILING:g}" if psnr >= CEILING else plain(psnr)


def percent(share: float) -> str:
    r"""A share of 0 to 1 in whole per cent, or – where there is none.

    >>> percent(0.254), percent(0.002), percent(float("nan"))
    ('25\xa0%', '<1\xa0%', '–')
    """
    if math.isnan(share):
        return "–"
    near = "<1" if 0 < share < 0.005 else ">99" if 0.995 < share < 1 else f"{100 * share:.0f}"
    return f"{near}\u00a0%"


def ends(interval: Interval) -> str:
    """Both ends of a confidence interval of a difference."""
    return f"{signed(interval.low)} to {signed(interval.high)}"


def counted(number: int, what: str) -> str:
    """A number of things, for instance ``1,200 images``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def spaced(name: str) -> str:
    """The name of a kind of degradation in words."""
    return {"none": "clean", "jpeg": "JPEG"}.get(name) or name.replace("_", " ")


FILTERS = {f.__name__: f for f in (signed, plain, decibels, percent, ends, counted, spaced)}
