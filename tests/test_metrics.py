"""PSNR and SSIM against their definitions, and the convention that every figure carries."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from osr.evaluation.metrics import Convention, Score, luma, mean, psnr, ssim
from osr_core.errors import ImageError, OptionError


@pytest.fixture
def pair():
    """A smooth 8-bit picture and a noisy version of it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:40, 0:52]
    truth = np.stack([128 + 90 * np.sin(x / 5 + c) * np.cos(y / 7) for c in range(3)], 2)
    noisy = truth + rng.normal(0, 12, truth.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), truth.astype(np.uint8)


def slow_ssim(a, b):
    """Wang et al. (2004), one window at a time, on one channel of 0 to 255."""
    offset = np.arange(11) - 5
    window = np.exp(-(offset**2 + offset[:, None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            vpq = (window * (p - mp) * (q - mq)).sum()
            top = (2 * mp * mq + c1) * (2 * vpq + c2)
            values.append(top / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


def test_luma_of_the_primaries_is_that_of_bt601():
    colours = [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    expected = [16, 81.481, 144.553, 40.966, 235]
    np.testing.assert_allclose(luma(np.array(colours, np.uint8)), expected, atol=1e-9)


@pytest.mark.parametrize("crop", [0, 3])
def test_psnr_rgb_is_its_formula(pair, crop):
    a, b = (p.astype(float)[crop : 40 - crop, crop : 52 - crop] for p in pair)
    expected = 10 * math.log10(255**2 / np.mean((a - b) ** 2))
    assert psnr(*pair, Convention(crop=crop)).value == pytest.approx(expected, abs=1e-9)


def test_psnr_y_rounds_luma_when_quantised(pair):
    a, b = (16 + p.astype(float) @ [65.481, 128.553, 24.966] / 255 for p in pair)
    for quantised, error in ((False, a - b), (True, np.rint(a) - np.rint(b))):
        expected = 10 * math.log10(255**2 / np.mean(error**2))
        figure = psnr(*pair, Convention("y", quantised=quantised)).value
        assert figure == pytest.approx(expected, abs=1e-9)


def test_ssim_is_that_of_wang(pair):
    a, b = (p.astype(float) for p in pair)
    channels = [slow_ssim(a[..., c], b[..., c]) for c in range(3)]
    assert ssim(*pair).value == pytest.approx(np.mean(channels), abs=1e-7)
    y = [np.rint(luma(p))[2:-2, 2:-2] for p in pair]
    assert ssim(*pair, Convention("y", 2)).value == pytest.approx(slow_ssim(*y), abs=1e-7)


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize("channel", ["rgb", "y"])
def test_bytes_and_floats_are_the_same_picture(pair, metric, channel):
    result, truth = pair
    floats = (result / np.float32(255)).astype(np.float32)
    assert metric(floats, truth, Convention(channel)) == metric(result, truth, Convention(channel))


def test_quantisation_clips_and_rounds():
    truth = np.ones((16, 16, 3), np.float32)
    assert psnr(truth + 0.3, truth).value == math.inf
    assert psnr(truth - 0.001, truth).value == math.inf
    floats = Convention(quantised=False)
    assert psnr(truth + 0.1, truth, floats).value == pytest.approx(20, abs=1e-5)


@pytest.mark.filterwarnings("error")
def test_equal_pictures(pair):
    assert psnr(pair[1], pair[1]).value == math.inf
    assert ssim(pair[1], pair[1]).value == pytest.approx(1)


def test_a_figure_is_printed_with_its_convention(pair):
    assert str(Convention()) == "RGB, crop 0, 8-bit"
    assert str(Convention("y", 4, False)) == "Y, crop 4, float"
    score = psnr(*pair, Convention("y", 2))
    assert (score.name, score.convention) == ("PSNR", Convention("y", 2))
    assert str(score) == f"PSNR {score.value:.2f} dB (Y, crop 2, 8-bit)"
    assert str(Score(0.91234, "SSIM", Convention())) == "SSIM 0.9123 (RGB, crop 0, 8-bit)"


def test_mean_is_only_over_like_figures():
    rgb, y = Convention(), Convention("y")
    assert mean([Score(20, "PSNR", y), Score(30, "PSNR", y)]) == Score(25, "PSNR", y)
    with pytest.raises(OptionError, match=r"RGB.*Y"):
        mean([Score(20, "PSNR", rgb), Score(30, "PSNR", y)])
    with pytest.raises(OptionError, match="SSIM"):
        mean([Score(20, "PSNR", y), Score(0.9, "SSIM", y)])
    with pytest.raises(OptionError, match="at least one"):
        mean([])


@pytest.mark.parametrize("fields", [{"channel": "Y"}, {"crop": -1}, {"crop": 0.5}])
def test_conventions_without_sense_are_refused(fields):
    with pytest.raises(OptionError, match=next(iter(fields))):
        Convention(**fields)


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros((20, 21, 3), np.uint8), "same shape"),
        (np.zeros((20, 20), np.uint8), r"result must have the shape \(H, W, 3\)"),
        (np.zeros((20, 20, 3), np.int64), "uint8"),
        (np.full((20, 20, 3), 255.0), "0 to 1"),
        (np.full((20, 20, 3), np.nan), "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(metric, result, message):
    with pytest.raises(ImageError, match=message):
        metric(result, np.zeros((20, 20, 3), np.uint8))


def test_too_small_after_cropping():
    small = np.zeros((14, 30, 3), np.uint8)
    assert psnr(small, small, Convention(crop=6)).value == math.inf
    with pytest.raises(ImageError, match="14 by 30"):
        psnr(small, small, Convention(crop=7))
    assert ssim(small, small, Convention(crop=1)).value == pytest.approx(1)
    with pytest.raises(ImageError, match="11 a side"):
        ssim(small, small, Convention(crop=2))


def test_import_is_light():
    code = "import sys, osr.evaluation.metrics; assert not {'skimage', 'scipy', 'torch'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
