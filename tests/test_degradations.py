"""Synthetic degradation: what all kinds promise, and what they refuse."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from degradation_images import RINGS, generator

from osr import degradations as deg
from osr.evaluation.metrics import Protocol, psnr
from osr_core.errors import ImageError, OptionError


def decibels(a, b=RINGS):
    return psnr(a, b, Protocol(quantised=False))


def degraded(text, image=RINGS, rng=None):
    return deg.Chain.parse(text)(image, rng or generator())[0]


def test_jpeg_halves_the_resolution_of_colour_or_not_and_keeps_colours_in_order():
    red = np.zeros((32, 32, 3), np.float32)
    red[..., 0] = 0.8
    np.testing.assert_allclose(deg.jpeg(red, 95), red, atol=0.02)
    half, full = (deg.jpeg(RINGS, 95, chroma) for chroma in (420, 444))
    assert decibels(full) > decibels(half)
    stripes = red.copy()
    stripes[:, 1::2] = stripes[:, 1::2, ::-1]  # red beside blue
    half, full = (deg.jpeg(stripes, 95, chroma) for chroma in (420, 444))
    assert decibels(full, stripes) > decibels(half, stripes) + 9


LADDERS = {
    "noise:{}": (1, 5, 15, 25, 50),
    "rain:0.4,length=15,intensity={}": (0.05, 0.3, 1),
    "rain:{},length=15": (0.02, 0.1, 0.4, 1.5),
    "poisson_gaussian:{},sigma=2": (1e-4, 1e-3, 1e-2, 0.1),
    "snow:{},size=3,mist=0": (0.01, 0.05, 0.2, 1),
    "snow:0.01,size=3,mist={}": (0, 0.1, 0.3, 0.9),
    "raindrops:{},radius=6": (0.01, 0.1, 0.3, 1),
    "low_light:{}": (0.1, 1, 3, 6),
    "low_light:0,gamma={}": (1.05, 1.5, 3),
    "haze:{}": (0.05, 0.3, 1, 2.5),
    "blur:{}": (0.3, 0.7, 1.5, 4),
    "defocus:{}": (0.6, 1.5, 3, 5),
    "motion:{},angle=30": (0.5, 2, 6, 20),
    "low_resolution:{}": (1.1, 2, 3, 4),
    "jpeg:{}": (98, 80, 40, 10),
    "webp:{}": (98, 80, 40, 10),
    "camera_noise:{}": (1, 5, 15, 25, 50),
}


@pytest.mark.parametrize("text", LADDERS)
def test_more_is_worse(text):
    figures = [decibels(degraded(text.format(value))) for value in LADDERS[text]]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > figures[-1] + 5


@pytest.mark.parametrize("kind", deg.DEGRADATIONS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 9), (17, 5), (64, 80)])
def test_each_kind_keeps_its_promises(kind, height, width):
    image = RINGS[:height, :width]
    for seed in range(15):
        result = degraded(kind, image, generator(seed))
        assert (result.shape, result.dtype) == (image.shape, np.float32)
        assert np.isfinite(result).all()
        assert not np.shares_memory(result, image)
        if kind != "noise":
            assert 0 <= result.min() <= result.max() <= 1
        np.testing.assert_array_equal(result, degraded(kind, image, generator(seed)))


@pytest.mark.parametrize("kind", [kind for kind in deg.DEGRADATIONS if kind != "grey"])
def test_severity_runs_from_almost_none_to_strong(kind):
    rng = generator()
    figures = sorted(decibels(degraded(kind, rng=rng)) for _ in range(150))
    assert figures[0] < 28
    assert figures[-1] > 35
    assert len(set(figures)) > 30


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[0.5]], "not list"),
        (np.zeros((8, 8), np.float32), r"shape \(H, W, 3\)"),
        (np.zeros((0, 8, 3), np.float32), r"shape \(H, W, 3\)"),
        (np.zeros((8, 8, 3), np.uint8), "float32"),
    ],
)
def test_what_is_no_picture_is_refused(image, message):
    for row in deg.DEGRADATIONS.values():
        with pytest.raises(ImageError, match=message):
            row(image, generator())
    with pytest.raises(ImageError, match=message):
        deg.resize_bicubic(image, (4, 4))


@pytest.mark.parametrize("kind", deg.DEGRADATIONS)
def test_values_out_of_range_are_named(kind):
    row = deg.DEGRADATIONS[kind]
    for name, param in row.params.items():
        for value in (param.valid[0] - 1, param.valid[1] + 1, float("nan")):
            with pytest.raises(OptionError, match=f"^{name} must be"):
                row(RINGS, generator(), **{name: value})


def test_a_file_that_no_format_can_hold_is_refused():
    with pytest.raises(ImageError, match=r"\.webp holds at most 16383 a side"):
        deg.webp(np.zeros((1, 16384, 3), np.float32), 50)


def test_import_is_light():
    code = "import sys, osr.degradations; assert not {'torch', 'scipy', 'skimage'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
