"""Paired differences of two models on the same images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osr.evaluation.records import Row
from osr.evaluation.session import first_model
from osr.evaluation.statistics import Interval, Results, Values, capped, interval, load
from osr.extras import require_extra
from osr_core.errors import OptionError

SAME_INPUT = 0.005
"""Decibels by which the input of one image may differ between two reports: rounding."""


@dataclass(frozen=True)
class Difference:
    """A column of two models; differences are those of the second from the first."""

    column: str
    images: int
    first: float
    """Mean PSNR in dB."""
    second: float
    psnr: Interval
    """Of the paired differences in dB."""
    ssim: Interval
    better: float
    """Share of images on which the second model is better."""
    significant: bool
    """Whether the interval of the difference in PSNR excludes zero."""


@dataclass(frozen=True)
class Comparison:
    """All columns that two models share."""

    first: str
    second: str
    columns: Sequence[Difference]
    overall: Interval | None
    """Mean over the columns of their mean differences in PSNR, clean columns left out."""


def compare(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    report: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Compare the second model with the first, on the images that both have restored.

    Each is a model of ``report``; without that the folder of a report, for its first model, or
    ``FOLDER:MODEL``.

    Raises:
        OptionError: if there is no such report or model, no column is shared, or a shared one was
            measured differently or on different degradation.
        PackageError: if the extra ``evaluation`` is not installed.
    """
    require_extra("evaluation", "comparison")
    return compare_results(*_find(os.fspath(first), report), *_find(os.fspath(second), report))


def compare_results(first: Results, a: str, second: Results, b: str) -> Comparison:
    """Model ``b`` of the second report against model ``a`` of the first, which may be the same."""
    first.model(a), second.model(b)
    differences, gains = [], []
    for column in first.columns:
        if pairs := _pairs(first, a, second, b, column.name):
            psnr = capped([[row.psnr for row in pair] for pair in pairs]).T
            ssim = capped([[row.ssim for row in pair] for pair in pairs]).T
            differences.append(_difference(column.name, psnr, ssim))
            if not column.clean:
                gains.append(psnr[1] - psnr[0])
    if not differences:
        raise OptionError(f"{a} and {b}: no image was restored by both; nothing to compare")
    return Comparison(a, b, differences, interval(*gains) if gains else None)


def _find(text: str, report: str | os.PathLike[str] | None) -> tuple[Results, str]:
    """The report and the model that an argument names."""
    if report is not None:
        return load(report), text
    if os.path.isdir(text):
        results = load(text)
        return results, first_model(results)
    folder, colon, model = text.rpartition(":")
    if not colon or not os.path.isdir(folder):
        raise OptionError(f"{text}: no such report; give its folder, or --report for a model")
    return load(folder), model


def _difference(column: str, psnr: Values, ssim: Values) -> Difference:
    """Of PSNR and SSIM, (2, images)."""
    gains = psnr[1] - psnr[0]
    first, second = (float(mean) for mean in psnr.mean(1))
    gain, ssim_gain = interval(gains), interval(ssim[1] - ssim[0])
    significant = gain.low > 0 or gain.high < 0
    better = float(np.mean(gains > 0))
    return Difference(column, len(gains), first, second, gain, ssim_gain, better, significant)


def _pairs(first: Results, a: str, second: Results, b: str, column: str) -> list[tuple[Row, Row]]:
    """The rows of the images that both have."""
    partners = {row.image: row for row in second.cell(b, column)}
    both = [(r, partners[r.image]) for r in first.cell(a, column) if r.image in partners]
    protocols = [results.column(column).protocol for results in (first, second) if both]
    if len(set(protocols)) > 1:
        raise OptionError(
            f"column {column}: measured on {protocols[0]} and on {protocols[1]}; "
            "evaluate one of them again"
        )
    for one, other in both:
        if np.ptp(capped([one.input_psnr, other.input_psnr])) > SAME_INPUT:
            raise OptionError(
                f"column {column}: the two inputs of {one.image} differ; use the same --seed"
            )
    return both
