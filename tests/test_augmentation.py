"""Augmentation of clean crops before they are degraded."""

from __future__ import annotations

import numpy as np
import pytest
from training_runs import make_images, make_samples

from osr.training import augmentation
from osr.training.augmentation import AUGMENTATIONS, BLACK, GRAIN, ZOOM, random_dihedral
from osr.training.recipe_tables import Augmentation

ROUGH = np.random.default_rng(1).random((64, 64, 3), np.float32)
GREY = np.full((64, 64, 3), 0.5, np.float32)
RAMP = np.linspace(0, 1, 60, dtype=np.float32)[None, :, None] * np.ones((60, 1, 3), np.float32)


def draws(function, image):
    rng = np.random.default_rng(0)
    return np.stack([function(image, rng) for _ in range(100)])


def test_all_eight_flips_and_rotations_come_up():
    image = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    seen = {each.tobytes() for each in draws(random_dihedral, image)}
    ways = [np.rot90(i, k) for i in (image, image[:, ::-1]) for k in range(4)]
    assert seen == {np.ascontiguousarray(way).tobytes() for way in ways}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_gives_images_again(name):
    images = draws(AUGMENTATIONS[name], ROUGH)
    assert images.dtype == np.float32
    assert 0 <= images.min() <= images.max() <= 1
    assert len(np.unique(images[:, 5, 5, 0])) > 5


def test_tones_change_and_their_order_does_not():
    toned = draws(augmentation.change_tone, RAMP)
    assert (np.diff(toned, axis=2) >= 0).all()
    assert (toned.min(axis=(1, 2, 3)) == 0).all()
    means = toned.mean(axis=(1, 2, 3))
    assert means.min() < 0.2
    assert means.max() > 0.55


def test_reduced_contrast_lifts_black_and_lowers_white_and_keeps_their_order():
    pale = draws(augmentation.reduce_contrast, RAMP)
    assert (np.diff(pale, axis=2) >= 0).all()
    black, white = pale.min(axis=(1, 2, 3)), pale.max(axis=(1, 2, 3))
    assert (white - black).max() < 1
    assert 0 <= black.min() < 0.01
    assert 0.7 * BLACK[1] < black.max() <= 1.15 * BLACK[1]
    assert white.min() < 0.5
    assert white.max() > 0.9


def test_a_zoom_is_the_middle_enlarged_with_fine_grain():
    near = draws(augmentation.zoom_in, RAMP)
    np.testing.assert_allclose(near.mean(axis=(1, 2, 3)), 0.5, atol=0.02)
    rise = near[:, :, 40].mean(axis=(1, 2)) - near[:, :, 20].mean(axis=(1, 2))
    factors = (RAMP[30, 40, 0] - RAMP[30, 20, 0]) / rise
    assert ZOOM[0] - 0.1 < factors.min() < 1.2
    assert ZOOM[1] - 0.2 < factors.max() < ZOOM[1] + 0.1
    deviations = draws(augmentation.zoom_in, GREY).std(axis=(1, 2, 3))
    assert GRAIN[0] * 0.99 < deviations.min() < 2 * GRAIN[0]
    assert GRAIN[1] / 2 < deviations.max() < GRAIN[1] * 1.01


def test_flat_patches_are_even_and_hide_parts():
    covered = draws(augmentation.add_flat_patches, ROUGH)
    even = (np.abs(np.diff(covered, axis=2)).mean(3) < 0.02).mean((1, 2))
    kept = (covered == ROUGH).all(3).mean((1, 2))
    assert (even + kept < 1.05).all()
    assert even.min() < 0.3
    assert even.max() > 0.6


def test_striped_patches_repeat_and_hide_parts():
    covered = draws(augmentation.add_striped_patches, GREY)
    hidden = (covered != GREY).any(3).mean((1, 2))
    assert hidden.min() < 0.7
    assert hidden.max() > 0.9
    spectra = np.abs(np.fft.fft2(covered.mean(3)))
    low = np.abs(np.fft.fftfreq(64, 1 / 64)) < 2.5
    spectra[:, low[:, None] & low] = 0
    peaks = spectra.max((1, 2)) / np.median(spectra, (1, 2))
    assert np.median(peaks) > 20  # a direction and a width stand out


@pytest.mark.parametrize("change", AUGMENTATIONS)
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
