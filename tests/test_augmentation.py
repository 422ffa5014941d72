"""Augmentation of clean crops before they are degraded."""

from __future__ import annotations

import numpy as np
import pytest
from training_runs import make_images, make_samples

from osr.training import augmentation, drawings, surfaces
from osr.training.augmentation import AUGMENTATIONS, BLACK, GRAIN, UNDER_HAZE, ZOOM, random_dihedral
from osr.training.recipe import Augmentation

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
    covered = draws(surfaces.add_flat_patches, ROUGH)
    even = (np.abs(np.diff(covered, axis=2)).mean(3) < 0.02).mean((1, 2))
    kept = (covered == ROUGH).all(3).mean((1, 2))
    assert (even + kept < 1.05).all()
    assert even.min() < 0.3
    assert even.max() > 0.6


def test_striped_patches_repeat_and_hide_parts():
    covered = draws(surfaces.add_striped_patches, GREY)
    hidden = (covered != GREY).any(3).mean((1, 2))
    assert hidden.min() < 0.7
    assert hidden.max() > 0.9
    spectra = np.abs(np.fft.fft2(covered.mean(3)))
    low = np.abs(np.fft.fftfreq(64, 1 / 64)) < 2.5
    spectra[:, low[:, None] & low] = 0
    peaks = spectra.max((1, 2)) / np.median(spectra, (1, 2))
    assert np.median(peaks) > 20  # a direction and a width stand out


def test_texture_is_finer_than_the_surface_it_covers():
    covered = draws(surfaces.add_texture, RAMP)
    detail = np.abs(np.diff(covered, axis=2)).mean((1, 2, 3))
    assert np.median(detail) > 2 * np.abs(np.diff(RAMP, axis=1)).mean()


def test_a_texture_field_has_mean_0_variance_1_and_no_step_of_the_size_of_the_crop():
    fields = draws(lambda image, rng: surfaces.texture_field(image.shape, rng), ROUGH)
    np.testing.assert_allclose(fields.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(fields.std((1, 2)), 1, rtol=1e-3)
    halves = np.abs(fields[:, :32].mean((1, 2)) - fields[:, 32:].mean((1, 2)))
    assert np.median(halves) < 0.1


@pytest.mark.parametrize("kind", drawings.LINES)
def test_lines_are_thin_and_in_most_directions(kind):
    rng = np.random.default_rng(0)
    masks = np.stack([drawings._stroked(kind((64, 64), rng), (64, 64), 1) for _ in range(50)])
    assert masks.max() > 0.5
    assert 0.005 < masks.mean() < 0.4
    left, up = (np.abs(np.diff(masks, axis=axis)).mean((1, 2)) for axis in (2, 1))
    assert (left > up).any()
    assert (up > left).any()


def test_lines_and_text_hide_what_is_behind_them():
    for draw in (drawings.draw_lines, drawings.draw_text):
        drawn = draws(draw, ROUGH)
        changed = (np.abs(drawn - ROUGH).max(3) > 1e-3).mean((1, 2))
        assert changed.min() < 0.2
        assert changed.max() > 0.5


def test_a_sky_is_pale_and_at_the_top():
    skies = draws(surfaces.add_sky, np.zeros((64, 64, 3), np.float32))
    assert (skies[:, 0].mean((1, 2)) > 0.3).mean() > 0.9
    assert (skies[:, -1] == 0).all((1, 2)).mean() > 0.8


@pytest.mark.parametrize("change", AUGMENTATIONS)
@pytest.mark.parametrize("kind", ["clean", "noise", "haze"])
def test_a_recipe_changes_all_but_tones_under_haze(tmp_path, kind, change):
    folder = make_images(tmp_path)
    settings = {"sampling_weights": {kind: 1.0}, "crop_size": 32}
    plain = make_samples(folder, **settings)
    augmented = Augmentation(**{change: 1.0})
    changed = make_samples(folder, **settings, augmentation=augmented)
    (inputs, targets), (_, before) = changed.batch(0), plain.batch(0)
    same = np.array_equal(targets, before)
    assert same == (kind == "haze" and change not in UNDER_HAZE)
    if kind == "clean":
        assert np.array_equal(inputs, targets)


def test_monochrome_images_are_grey_and_half_of_them_pale():
    grey = draws(augmentation.monochrome, RAMP)
    assert np.ptp(grey, axis=3).max() == 0
    assert 30 < np.sum(np.ptp(grey, axis=(1, 2, 3)) < 0.95) < 70


def test_blank_images_show_nothing_of_the_image_and_have_no_edges():
    blank = draws(surfaces.blank, ROUGH)
    assert len({each.tobytes() for each in blank}) == 100
    assert np.abs(np.diff(blank, axis=2)).max() < 0.05
    flat = np.ptp(blank, axis=(1, 2)).max(axis=1) == 0
    assert 30 < flat.sum() < 70
