"""Figures of an evaluation: scores, gains, harm, intervals and paired differences."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from osr.evaluation import metrics
from osr.evaluation.comparison import compare
from osr.evaluation.metrics import Convention
from osr.evaluation.records import ColumnEntry, Description, ModelEntry, Row
from osr.evaluation.scoring import score, to_levels
from osr.evaluation.seen import NO_RECIPE
from osr.evaluation.statistics import CEILING, Results, interval, mean_interval
from osr_core.errors import ImageError, OptionError

CONVENTIONS = [Convention(), Convention("y"), Convention("y", 3)]


# Heights that end within a strip, at its end, and in one with no place for the window.
@pytest.mark.parametrize("shape", [(17, 19), (140, 500), (135, 500), (65, 500)])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_fast_scores_are_those_of_the_metrics(shape, convention):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (*shape, 3), np.uint8)
    truth[:, : shape[1] // 2] = (250, 3, 120)  # flat: where single precision is worst
    image = truth / np.float32(255) + rng.normal(0, 0.02, truth.shape).astype(np.float32)
    psnr, ssim = score(image, truth, convention)
    assert psnr == pytest.approx(metrics.psnr(image, truth, convention).value, abs=1e-9)
    assert ssim == pytest.approx(metrics.ssim(image, truth, convention).value, abs=2e-5)


def test_equal_pictures_and_floats():
    truth = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    psnr, ssim = score(truth, truth, Convention())
    assert psnr == math.inf
    assert ssim == pytest.approx(1, abs=1e-6)
    unrounded = score(truth / 255 + 0.001, truth, Convention(quantised=False))
    assert unrounded[0] == pytest.approx(60, abs=1e-6)
    np.testing.assert_array_equal(to_levels(np.array([[[-1, 0.501, 2]]])), [[[0, 128, 255]]])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((20, 21, 3)), "same shape"),
        (np.zeros((20, 20, 3), np.float32) * np.nan, "finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(image, message):
    with pytest.raises(ImageError, match=message):
        score(image, np.zeros((20, 20, 3), np.uint8), Convention())
    with pytest.raises(ImageError, match="too small"):
        score(np.zeros((12, 12, 3)), np.zeros((12, 12, 3), np.uint8), Convention(crop=1))


def results(gains, seen=("noise",), unknown=(), before=20.0):
    """Column → gains of model ``m``; a column is called as its kind of degradation, then anything."""
    columns = [
        ColumnEntry(name, "data", None, name.split()[0], len(values), "RGB", name == "none")
        for name, values in gains.items()
    ]
    rows = [
        Row("m", name, f"{i:03}", "rgb", 0, before, before + gain, 0.5, 0.5 + gain / 100, 9, 9, 0)
        for name, values in gains.items()
        for i, gain in enumerate(values)
    ]
    model = ModelEntry("m", "M", "network", seen=seen, unknown=unknown)
    return Results(Description([model], columns), tuple(rows))


def test_the_three_figures():
    figures = results({
        "noise 15": [1.0, 3.0],  # mean 2
        "noise 50": [6.0],  # mean 6, as much as the other column though of one image
        "haze": [-1.0, -0.1, 0.4, -3.0],
        "rain": [0.0, 4.0],
        "none": [-50.0],
    }).osr_figures("m")  # fmt: skip
    assert figures.seen_gain == pytest.approx(4.0)
    assert figures.unseen_gain == pytest.approx((-3.7 / 4 + 2.0) / 2)
    assert figures.harm_share == pytest.approx(2 / 6)
    assert figures.harm_loss == pytest.approx(2.0)
    assert figures.worse_share == pytest.approx(3 / 6)
    assert figures.worse_loss == pytest.approx(4.1 / 3)
    assert (figures.seen_columns, figures.unseen_columns, figures.unseen_images) == (2, 2, 6)


def test_what_is_not_known_is_not_counted():
    given = results({"noise": [1.0], "haze": [2.0], "unknown": [3.0], "none": [0.0]}, ("noise",),
                    (NO_RECIPE,))  # fmt: skip
    states = [given.state("m", column) for column in given.columns]
    assert states == ["seen", "unknown", "unknown", "clean"]
    figures = given.osr_figures("m")
    assert figures.seen_gain == 1.0
    assert math.isnan(figures.unseen_gain)
    assert math.isnan(figures.harm_share)
    # A set of unknown degradation among others does not make everything unknown.
    assert results({"haze": [2.0]}, (), ("pairs",)).state("m", "haze") == "unseen"


def test_a_chain_is_seen_if_each_of_its_kinds_was():
    gains = {"noise+jpeg": [1.0], "grey+noise": [1.0]}
    given = results(gains, ("jpeg", "noise"))
    assert [given.state("m", column) for column in gains] == ["seen", "unseen"]


def test_equal_pictures_count_as_the_ceiling():
    given = results({"none": [0.0, 1.0]}, before=math.inf)
    rows = (given.rows[0], replace(given.rows[1], psnr=40.0))
    given = replace(given, rows=rows)
    assert given.gain("m", "none").tolist() == [0.0, 40.0 - CEILING]


def test_interval_is_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    mean, low, high = interval(values)
    half = 1.96 * values.std() / 20
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.03)
    assert interval(values) == interval(values)
    assert interval([2.5]) == (2.5, 2.5, 2.5)
    assert all(math.isnan(value) for value in interval([]))
    many = np.resize(values, 5000)  # more than are resampled at once
    assert interval(many)[2] - interval(many)[1] == pytest.approx(2 * half * (400 / 5000) ** 0.5,
                                                                  rel=0.1)  # fmt: skip


def test_interval_of_columns_weighs_columns():
    wide, narrow = np.array([0.0, 10.0] * 50), np.array([1.0] * 5)
    both, one = mean_interval([wide, narrow]), interval(wide)
    assert both.mean == pytest.approx(3.0)
    assert both.high - both.low == pytest.approx((one.high - one.low) / 2, rel=0.1)


def test_paired_differences():
    rng = np.random.default_rng(0)
    easy = rng.normal(0, 5, 60)  # images differ by far more than the models do
    first = results({"noise": easy, "haze": easy[:9], "none": easy[:3]})
    better = easy + rng.normal(0.1, 0.05, 60)
    second = results({"noise": better, "haze": easy[:9], "none": easy[:3]})
    comparison = compare(first, "m", second, "m")
    noise, haze, clean = comparison.columns
    assert (noise.column, noise.images, noise.better > 0.9) == ("noise", 60, True)
    assert noise.psnr.mean == pytest.approx(0.1, abs=0.02)
    assert noise.psnr.high - noise.psnr.low < 0.05
    assert noise.second - noise.first == pytest.approx(noise.psnr.mean)
    assert (noise.decided, haze.decided, haze.psnr) == (True, False, (0, 0, 0))
    assert clean.images == 3
    assert comparison.overall.mean == pytest.approx(noise.psnr.mean / 2)  # without the clean one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel": "y"}, "rgb, crop 0 there and y"),
        ({"input_psnr": 20.1}, "two inputs of 000 differ; use the same --seed"),
        ({"image": "other"}, "nothing to compare"),
        ({"model": "other"}, "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    first = results({"noise": [1.0]})
    second = replace(first, rows=(replace(first.rows[0], **change),))
    with pytest.raises(OptionError, match=message):
        compare(first, "m", second, "m")
    with pytest.raises(OptionError, match="model n: not in this report; it has m"):
        compare(first, "m", second, "n")
