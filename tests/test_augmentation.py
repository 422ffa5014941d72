"""What is done to clear crops before they are degraded."""

from __future__ import annotations

import numpy as np
import pytest
from training_runs import make_images, make_samples

from osr.training.augmentation import (
    BLACK,
    GRAIN,
    ZOOM,
    add_flat_patches,
    add_striped_patches,
    change_tone,
    random_dihedral,
    reduce_contrast,
    zoom_in,
)
from osr.training.recipe_tables import Augmentation


def test_all_eight_ways_to_lie_come_up():
    image = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    rng = np.random.default_rng(0)
    seen = {random_dihedral(image, rng).tobytes() for _ in range(200)}
    ways = [np.rot90(i, k) for i in (image, image[:, ::-1]) for k in range(4)]
    assert seen == {np.ascontiguousarray(way).tobytes() for way in ways}


def test_tones_change_and_their_order_does_not():
    rng = np.random.default_rng(0)
    grey = np.linspace(0, 1, 32, dtype=np.float32)[None, :, None].repeat(3, 2)
    means = []
    for _ in range(100):
        toned = change_tone(grey, rng)
        assert toned.dtype == np.float32
        assert toned.min() == 0.0
        assert toned.max() <= 1.0
        assert (np.diff(toned, axis=1) >= 0).all()
        means.append(toned.mean())
    assert min(means) < 0.2
    assert max(means) > 0.55


def test_a_close_up_is_the_middle_enlarged():
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 60, dtype=np.float32)[None, :, None] * np.ones((60, 1, 3), np.float32)
    slopes = []
    for _ in range(100):
        near = zoom_in(ramp, rng)
        assert (near.shape, near.dtype) == (ramp.shape, ramp.dtype)
        assert near.mean() == pytest.approx(0.5, abs=0.02)
        rise = near[:, 40].mean() - near[:, 20].mean()
        slopes.append(rise / (ramp[30, 40, 0] - ramp[30, 20, 0]))
    factors = 1 / np.array(slopes)
    assert ZOOM[0] - 0.1 < factors.min() < 1.2
    assert ZOOM[1] - 0.2 < factors.max() < ZOOM[1] + 0.1
    rough = rng.random((60, 60, 3), np.float32)
    assert 0 <= zoom_in(rough, rng).min() <= zoom_in(rough, rng).max() <= 1


def test_a_close_up_has_fine_grain():
    rng = np.random.default_rng(0)
    even = np.full((60, 60, 3), 0.5, np.float32)
    deviations = [float(zoom_in(even, rng).std()) for _ in range(100)]
    assert GRAIN[0] * 0.99 < min(deviations) < 2 * GRAIN[0]
    assert GRAIN[1] / 2 < max(deviations) < GRAIN[1] * 1.01


def test_fading_lifts_black_and_lowers_white_and_keeps_their_order():
    rng = np.random.default_rng(0)
    grey = np.linspace(0, 1, 32, dtype=np.float32)[None, :, None].repeat(3, 2)
    ends = []
    for _ in range(100):
        faded = reduce_contrast(grey, rng)
        assert (faded.shape, faded.dtype) == (grey.shape, grey.dtype)
        assert (np.diff(faded, axis=1) >= 0).all()
        assert np.ptp(faded) < 1
        ends.append((faded.min(), faded.max()))
    black, white = np.array(ends).T
    assert 0 <= black.min() < 0.01
    assert 0.7 * BLACK[1] < black.max() <= 1.15 * BLACK[1]
    assert white.min() < 0.5
    assert white.max() > 0.9


def test_walls_are_even_and_hide_parts():
    rng = np.random.default_rng(0)
    image = rng.random((64, 64, 3), np.float32)
    shares = []
    for _ in range(100):
        covered = add_flat_patches(image, rng)
        assert (covered.shape, covered.dtype) == (image.shape, image.dtype)
        assert 0 <= covered.min() <= covered.max() <= 1
        rough = np.abs(np.diff(covered, axis=1)).mean(2)
        shares.append((rough < 0.02).mean())
        kept = (covered == image).all(2).mean()
        assert shares[-1] + kept < 1.05
    assert min(shares) < 0.3
    assert max(shares) > 0.6


def test_stripes_repeat_and_hide_parts():
    rng = np.random.default_rng(0)
    image = np.full((64, 64, 3), 0.5, np.float32)
    shares, peaks = [], []
    for _ in range(100):
        covered = add_striped_patches(image, rng)
        assert (covered.shape, covered.dtype) == (image.shape, image.dtype)
        assert 0 <= covered.min() <= covered.max() <= 1
        shares.append((covered != image).any(2).mean())
        spectrum = np.abs(np.fft.fft2(covered.mean(2)))
        spectrum[:3, :3] = spectrum[-2:, :3] = spectrum[:3, -2:] = spectrum[-2:, -2:] = 0
        peaks.append(spectrum.max() / np.median(spectrum))
    assert min(shares) < 0.7
    assert max(shares) > 0.9
    assert np.median(peaks) > 20  # a direction and a width stand out


@pytest.mark.parametrize("change", ["tone", "zoom", "flat_patches", "striped_patches", "contrast"])
@pytest.mark.parametrize("kind", ["clean", "noise", "haze"])
def test_a_recipe_changes_all_but_haze(tmp_path, kind, change):
    folder = make_images(tmp_path)
    plain = make_samples(folder, sampling_weights={kind: 1.0})
    augmented = Augmentation(**{change: 1.0})
    toned = make_samples(folder, sampling_weights={kind: 1.0}, augmentation=augmented)
    (inputs, targets), (_, before) = toned.batch(0), plain.batch(0)
    same = np.array_equal(targets, before)
    assert same == (kind == "haze")
    if kind == "clean":
        assert np.array_equal(inputs, targets)
