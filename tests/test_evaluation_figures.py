"""Figures of an evaluation: gains, harm, intervals and paired differences."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np
import pytest

from osr.evaluation.columns import Column
from osr.evaluation.comparison import compare_results
from osr.evaluation.models import NO_RECIPE, Model
from osr.evaluation.records import Description, Row
from osr.evaluation.statistics import CEILING, Interval, Results, interval
from osr_core.errors import OptionError


def results(gains, seen=("noise",), unknown=(), before=20.0):
    """Column → gains of model ``m``; the first word of a column's name is its kind."""
    columns = [
        Column(name, "data", None, name.split()[0], "RGB", len(values))
        for name, values in gains.items()
    ]
    rows = [
        Row("m", name, f"{i:03}", before, before + gain, 0.5, 0.5 + gain / 100, 9, 9, 0)
        for name, values in gains.items()
        for i, gain in enumerate(values)
    ]
    model = Model("m", "M", "network", seen=seen, unknown=unknown)
    return Results(Description([model], columns), tuple(rows))


def test_the_three_figures():
    figures = results({
        "noise 15": [1.0, 3.0],  # mean 2
        "noise 50": [6.0],  # mean 6, as much as the other column though of one image
        "haze": [-1.0, -0.1, 0.4, -3.0],
        "rain": [0.0, 4.0],
        "none": [-50.0],
    }).figures("m")  # fmt: skip
    assert figures.seen.mean == pytest.approx(4.0)
    assert figures.unseen.mean == pytest.approx((-3.7 / 4 + 2.0) / 2)
    assert figures.harm_share == pytest.approx(2 / 6)
    assert figures.harm_loss == pytest.approx(2.0)
    assert (figures.seen_columns, figures.unseen_columns, figures.unseen_images) == (2, 2, 6)


def test_what_is_not_known_is_not_counted():
    given = results({"noise": [1.0], "haze": [2.0], "unknown": [3.0], "none": [0.0]}, ("noise",),
                    (NO_RECIPE,))  # fmt: skip
    states = [given.state("m", column.name) for column in given.columns]
    assert states == ["seen", "unknown", "unknown", "clean"]
    figures = given.figures("m")
    assert figures.seen.mean == 1.0
    assert math.isnan(figures.unseen.mean)
    assert math.isnan(figures.harm_share)
    # A set of unknown degradation among others does not make everything unknown.
    assert results({"haze": [2.0]}, (), ("pairs",)).state("m", "haze") == "unseen"


def test_a_chain_is_seen_if_each_of_its_kinds_was():
    gains = {"noise+jpeg": [1.0], "grey+noise": [1.0]}
    given = results(gains, ("jpeg", "noise"))
    assert [given.state("m", column) for column in gains] == ["seen", "unseen"]


def test_equal_images_count_as_the_ceiling():
    given = results({"none": [0.0, 1.0]}, before=math.inf)
    rows = (given.rows[0], replace(given.rows[1], psnr=40.0))
    assert replace(given, rows=rows).gain("m", "none").tolist() == [0.0, 40.0 - CEILING]


def test_interval_is_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    found = interval(values)
    mean, low, high = found.mean, found.low, found.high
    half = 1.96 * values.std() / 20
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.03)
    assert interval(values) == interval(values)
    assert interval([2.5]) == Interval(2.5, 2.5, 2.5)
    assert interval([1.0, 1.0]) == Interval(1.0, 1.0, 1.0)
    for nothing in ((), ([],), ([], [])):
        assert all(map(math.isnan, astuple(interval(*nothing))))


def test_interval_of_columns_weighs_columns():
    wide, narrow = np.array([0.0, 10.0] * 50), np.array([1.0] * 5)
    both, one = interval(wide, narrow), interval(wide)
    assert both.mean == pytest.approx(3.0)
    assert both.high - both.low == pytest.approx((one.high - one.low) / 2, rel=0.1)


def test_paired_differences():
    rng = np.random.default_rng(0)
    easy = rng.normal(0, 5, 60)  # images differ by far more than the models do
    first = results({"noise": easy, "haze": easy[:9], "none": easy[:3]})
    better = easy + rng.normal(0.1, 0.05, 60)
    second = results({"noise": better, "haze": easy[:9], "none": easy[:3]})
    comparison = compare_results(first, "m", second, "m")
    noise, haze, clean = comparison.columns
    assert (noise.column, noise.images, noise.better > 0.9) == ("noise", 60, True)
    assert noise.psnr.mean == pytest.approx(0.1, abs=0.02)
    assert noise.psnr.high - noise.psnr.low < 0.05
    assert noise.second - noise.first == pytest.approx(noise.psnr.mean)
    assert (noise.significant, haze.significant, haze.psnr) == (True, False, Interval(0, 0, 0))
    assert clean.images == 3
    assert comparison.overall.mean == pytest.approx(noise.psnr.mean / 2)  # without the clean one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_psnr": 20.1}, "two inputs of 000 differ; use the same --seed"),
        ({"image": "other"}, "nothing to compare"),
        ({"model": "other"}, "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    first = results({"noise": [1.0]})
    second = replace(first, rows=(replace(first.rows[0], **change),))
    with pytest.raises(OptionError, match=message):
        compare_results(first, "m", second, "m")
    columns = tuple(replace(column, protocol="Y") for column in first.columns)
    second = replace(first, description=replace(first.description, columns=columns))
    with pytest.raises(OptionError, match="measured on RGB and on Y"):
        compare_results(first, "m", second, "m")
    with pytest.raises(OptionError, match="model n: not in this report; it has m"):
        compare_results(first, "m", second, "n")
