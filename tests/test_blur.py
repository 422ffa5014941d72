"""Blur: extent, direction and what must not change."""

from __future__ import annotations

import numpy as np
import pytest
from degradation_images import RANDOM, generator

from osr.degradations import blur
from osr.degradations.noise import to_linear


def response(function, side=61, values=to_linear):
    """What becomes of one bright pixel: the kernel, with its centroid and its covariance."""
    point = np.zeros((side, side, 3), np.float32)
    point[side // 2, side // 2] = 1
    kernel = values(function(point))[..., 0].astype(np.float64)
    offset = np.arange(side) - side // 2
    y, x = (kernel.sum(1) * offset).sum(), (kernel.sum(0) * offset).sum()
    yy, xx = (kernel.sum(1) * offset**2).sum(), (kernel.sum(0) * offset**2).sum()
    xy = (kernel * offset * offset[:, None]).sum()
    return kernel.sum(), (y, x), (yy, xx, xy)


@pytest.mark.parametrize(
    ("function", "values", "moments"),
    [
        (lambda im: blur.defocus_blur(im, 6.0), to_linear, (9.0, 9.0, 0.0)),  # r²/4
        (lambda im: blur.motion_blur(im, 20.0, 0.0), to_linear, (0.0, 33.3, 0.0)),  # L²/12
        (lambda im: blur.motion_blur(im, 20.0, 90.0), to_linear, (33.3, 0.0, 0.0)),
        (lambda im: blur.motion_blur(im, 20.0, 45.0), to_linear, (16.7, 16.7, 16.7)),
        (lambda im: blur.gaussian_blur(im, 2.0), np.asarray, (4.0, 4.0, 0.0)),  # σ², on sRGB values
    ],
)
def test_blur_has_the_extent_and_direction_asked_for(function, values, moments):
    total, centroid, second = response(function, values=values)
    assert total == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(centroid, 0, atol=1e-3)
    np.testing.assert_allclose(second, moments, atol=0.1 + 0.012 * max(moments), rtol=0.05)


@pytest.mark.parametrize(
    "function",
    [
        lambda im: blur.defocus_blur(im, 6.0),
        lambda im: blur.motion_blur(im, 20.0, 0.0),
        lambda im: blur.shake_blur(im, 20.0, generator()),
    ],
)
def test_an_edge_between_black_and_white_has_half_of_the_light_in_its_middle(function):
    edge = np.zeros((61, 60, 3), np.float32)
    edge[:, 30:] = 1
    row = function(edge)[30, :, 0]
    middle = (row[29] + row[30]) / 2
    assert middle == pytest.approx(0.735, abs=0.12)  # sRGB of half the light, not 0.5
    assert row.mean() > 0.51


def test_shake_is_a_path_of_its_length_that_does_not_shift_the_picture():
    extents = []
    for seed in range(20):
        rng = generator(seed)
        total, centroid, (yy, xx, _) = response(lambda im, rng=rng: blur.shake_blur(im, 20, rng))
        assert total == pytest.approx(1, abs=1e-4)
        np.testing.assert_allclose(centroid, 0, atol=1e-3)
        extents.append(yy + xx)
    assert max(extents) < 1.3 * 20**2 / 12  # no longer than if it were straight
    assert min(extents) < 0.7 * max(extents)  # and some are curled up


def test_no_blur_changes_nothing():
    for same in (
        blur.gaussian_blur(RANDOM, 0),
        blur.defocus_blur(RANDOM, 0),
        blur.motion_blur(RANDOM, 0, 30),
        blur.shake_blur(RANDOM, 0, generator()),
    ):
        np.testing.assert_allclose(same, RANDOM, atol=1e-6)


def test_an_even_picture_stays_even_though_kernels_reach_beyond_it():
    grey = np.full((9, 7, 3), 0.3, np.float32)
    for function in (blur.gaussian_blur, blur.defocus_blur):
        np.testing.assert_allclose(function(grey, 20), 0.3, atol=1e-5)
    np.testing.assert_allclose(blur.motion_blur(grey, 60, 20), 0.3, atol=1e-5)
