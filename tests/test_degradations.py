"""Synthetic degradation: what all kinds promise, and what they refuse."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from osr import degradations as deg
from osr.evaluation.metrics import Protocol, psnr
from osr_core.errors import ImageError, OptionError


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def picture():
    """A 64 x 80 picture with edges, texture and soft colours."""
    y, x = np.mgrid[0:64, 0:80].astype(np.float32)
    rings = 0.5 + 0.4 * np.sin((x - 40) ** 2 / 60 + (y - 20) ** 2 / 45)
    disc = np.where((x - 25) ** 2 + (y - 40) ** 2 < 250, 0.8, 0.2)
    grey = 0.5 * rings + 0.5 * disc
    return np.stack([grey, 0.9 * grey + 0.1 * x / 80, 0.8 * grey], 2).astype(np.float32)


def decibels(a, b):
    return psnr(a, b, Protocol(quantised=False))


def test_jpeg_keeps_the_colours_in_order():
    red = np.zeros((16, 16, 3), np.float32)
    red[..., 0] = 0.8
    np.testing.assert_allclose(deg.jpeg(red, 95), red, atol=0.02)


def test_jpeg_halves_the_resolution_of_colour_or_not(picture):
    half, full = (deg.jpeg(picture, 95, chroma) for chroma in (420, 444))
    np.testing.assert_array_equal(half, deg.jpeg(picture, 95))
    stripes = np.zeros((32, 32, 3), np.float32)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 0.8  # red beside blue
    assert (
        decibels(deg.jpeg(stripes, 95, 444), stripes) > decibels(deg.jpeg(stripes, 95), stripes) + 9
    )
    assert decibels(full, picture) > decibels(half, picture)


LADDERS = {
    "noise": (lambda im, v: deg.gaussian_noise(im, v, generator()), (1, 5, 15, 25, 50)),
    "bright rain": (lambda im, v: deg.rain(im, generator(), 0.4, 15, intensity=v), (0.05, 0.3, 1)),
    "dense rain": (lambda im, v: deg.rain(im, generator(), v, 15), (0.02, 0.1, 0.4, 1.5)),
    "sensor": (lambda im, v: deg.poisson_gaussian(im, v, 2, generator()), (1e-4, 1e-3, 1e-2, 0.1)),
    "snow": (lambda im, v: deg.snow(im, generator(), v, 3), (0.01, 0.05, 0.2, 1)),
    "mist": (lambda im, v: deg.snow(im, generator(), 0.01, 3, mist=v), (0, 0.1, 0.3, 0.9)),
    "drops": (lambda im, v: deg.raindrops(im, generator(), v, 6), (0.01, 0.1, 0.3, 1)),
    "low light": (lambda im, v: deg.low_light(im, v, generator()), (0.1, 1, 3, 6)),
    "steep": (lambda im, v: deg.low_light(im, 0, generator(), gamma=v), (1.05, 1.5, 3)),
    "haze": (lambda im, v: deg.haze(im, 0.6, v), (0.05, 0.3, 1, 2.5)),
    "gaussian": (deg.gaussian_blur, (0.3, 0.7, 1.5, 4)),
    "defocus": (deg.defocus_blur, (0.6, 1.5, 3, 5)),
    "motion": (lambda im, v: deg.motion_blur(im, v, 30), (0.5, 2, 6, 20)),
    "low resolution": (deg.low_resolution, (1.1, 2, 3, 4)),
    "jpeg": (deg.jpeg, (98, 80, 40, 10)),
    "webp": (deg.webp, (98, 80, 40, 10)),
    "camera": (lambda im, v: deg.camera_noise(im, v, generator()), (1, 5, 15, 25, 50)),
}


@pytest.mark.parametrize("name", LADDERS)
def test_more_is_worse(picture, name):
    function, ladder = LADDERS[name]
    figures = [decibels(function(picture, value), picture) for value in ladder]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > figures[-1] + 5


def drawn(image, name, rng):
    return deg.Chain.parse(name)(image, rng)[0]


@pytest.mark.parametrize("kind", deg.DEGRADATIONS)
def test_each_kind_keeps_its_promises(picture, kind):
    before = picture.copy()
    for seed in range(20):
        result = drawn(picture, kind, generator(seed))
        assert result.shape == picture.shape
        assert result.dtype == np.float32
        assert not np.shares_memory(result, picture)
        if kind != "noise":
            assert result.min() >= 0
            assert result.max() <= 1
        np.testing.assert_array_equal(result, drawn(picture, kind, generator(seed)))
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("kind", deg.DEGRADATIONS.keys() - {"grey"})
def test_severity_runs_from_almost_none_to_strong(picture, kind):
    rng = generator()
    figures = sorted(decibels(drawn(picture, kind, rng), picture) for _ in range(150))
    assert figures[0] < 28
    assert figures[-1] > 35
    assert len(set(figures)) > 30


@pytest.mark.parametrize("kind", deg.DEGRADATIONS)
@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 9, 3), (17, 5, 3)])
def test_each_kind_takes_any_size(kind, shape):
    rng = generator()
    for _ in range(12):
        result = drawn(np.full(shape, 0.5, np.float32), kind, rng)
        assert result.shape == shape
        assert np.isfinite(result).all()


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
    for kind in deg.DEGRADATIONS:
        with pytest.raises(ImageError, match=message):
            drawn(image, kind, generator())
    with pytest.raises(ImageError, match=message):
        deg.resize_bicubic(image, (4, 4))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda im: deg.gaussian_noise(im, float("nan"), generator()), "sigma"),
        (lambda im: deg.haze(im, 0.5, -1), "beta"),
        (lambda im: deg.haze(im, 0.5, 1, 1.2), "airlight"),
        (lambda im: deg.haze(im, 0.5, 1, (0.5, 0.5)), "airlight"),
        (lambda im: deg.gaussian_blur(im, -1), "sigma"),
        (lambda im: deg.defocus_blur(im, 51), "radius"),
        (lambda im: deg.motion_blur(im, -1, 0), "length"),
        (lambda im: deg.shake_blur(im, 101, generator()), "length"),
        (lambda im: deg.low_resolution(im, 0.5), "scale"),
        (lambda im: deg.resize_bicubic(im, (0, 4)), "size"),
        (lambda im: deg.resize_bicubic(im, (2.5, 4)), "size"),
        (lambda im: deg.jpeg(im, 0), "quality"),
        (lambda im: deg.DEGRADATIONS["rain"](im, generator(), density=0.5, angle=90), "angle"),
    ],
)
def test_values_out_of_range_are_named(picture, call, name):
    with pytest.raises(OptionError, match=name):
        call(picture)


def test_import_is_light():
    code = "import sys, osr.degradations; assert not {'cv2', 'torch'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
