"""Two models on the same images: paired differences, and whether they are anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osr.evaluation.statistics import (
    Interval,
    Results,
    Values,
    capped,
    interval,
    mean_interval,
)
from osr_core.errors import OptionError

SAME_INPUT = 0.005
"""Decibels by which the input of one image may differ between two reports: rounding."""


@dataclass(frozen=True)
class Difference:
    """A column of two models; differences are those of the second from the first."""

    column: str
    images: int
    """That both models have been run on."""
    first: float
    """Mean PSNR in dB."""
    second: float
    psnr: Interval
    """Of the paired differences in dB."""
    ssim: Interval
    better: float
    """Share of images on which the second model is better."""

    @property
    def decided(self) -> bool:
        """Whether the interval of the difference in PSNR leaves out zero."""
        return self.psnr.low > 0 or self.psnr.high < 0


@dataclass(frozen=True)
class Comparison:
    """All columns that two models share."""

    columns: Sequence[Difference]
    overall: Interval
    """Mean over the columns of their mean differences in PSNR, clean columns left out."""


def compare(first: Results, a: str, second: Results, b: str) -> Comparison:
    """Model ``b`` of the second report against model ``a`` of the first, which may be the same.

    Raises:
        OptionError: if a model is not there, no column is shared, or a shared one was measured
            differently or on different degradation.
    """
    first.model(a), second.model(b)
    found = []
    for column in first.columns:
        pairs = _pairs(first, a, second, b, column.name)
        if pairs is not None:
            found.append((column, *pairs))
    if not found:
        raise OptionError(f"{a} and {b}: no image was restored by both; nothing to compare")
    gains = [psnr[1] - psnr[0] for column, psnr, _ in found if not column.clean]
    return Comparison(
        tuple(_difference(column.name, psnr, ssim) for column, psnr, ssim in found),
        mean_interval(gains),
    )


def _difference(column: str, psnr: Values, ssim: Values) -> Difference:
    gained = psnr[1] - psnr[0]
    return Difference(
        column,
        len(gained),
        float(psnr[0].mean()),
        float(psnr[1].mean()),
        interval(gained),
        interval(ssim[1] - ssim[0]),
        float(np.mean(gained > 0)),
    )


def _pairs(
    first: Results, a: str, second: Results, b: str, column: str
) -> tuple[Values, Values] | None:
    """(2, images) PSNR and SSIM of the images that both have; ``None`` for none."""
    partners = {row.image: row for row in second.cell(b, column)}
    both = [(r, partners[r.image]) for r in first.cell(a, column) if r.image in partners]
    for one, other in both:
        if (one.channel, one.crop) != (other.channel, other.crop):
            raise OptionError(
                f"column {column}: measured on {one.channel}, crop {one.crop} there and "
                f"{other.channel}, crop {other.crop} here; evaluate one of them again"
            )
        if abs(capped(one.input_psnr) - capped(other.input_psnr)) > SAME_INPUT:
            raise OptionError(
                f"column {column}: the two inputs of {one.image} differ; use the same --seed"
            )
    if not both:
        return None
    psnr = [[capped(pair[i].psnr) for pair in both] for i in (0, 1)]
    ssim = [[pair[i].ssim for pair in both] for i in (0, 1)]
    return np.asarray(psnr), np.asarray(ssim)
