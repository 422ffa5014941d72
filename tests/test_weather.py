"""Rain, haze, snow and raindrops against their formulas and their geometry."""

from __future__ import annotations

import numpy as np
import pytest
from degradation_images import RANDOM, direction, generator
from scipy.ndimage import map_coordinates

from osr.degradations import depth, drops, snowflakes, weather
from osr.degradations.blur import gaussian_blur
from osr.degradations.drops import raindrops
from osr.degradations.particles import squares
from osr.degradations.snowflakes import snow, snow_flakes


def stripes(height, width):
    """Black and white rows: every drop blurs them away."""
    image = np.zeros((height, width, 3), np.float32)
    image[::2] = 1.0
    return image


def test_squares_are_those_of_a_loop():
    y, x = np.array([0.2, -30.0, 5.4, 9.0]), np.array([3.0, 2.0, 6.6, 1.0])
    side, shape = np.array([3, 5, 7, 1]), (8, 7)
    expected = [
        (k, row, column)
        for k in range(4)
        for row in range(shape[0])
        for column in range(shape[1])
        if max(abs(row - round(y[k])), abs(column - round(x[k]))) <= side[k] // 2
    ]
    found = np.stack(squares(y, x, side, shape), axis=1)
    assert [tuple(pair) for pair in found.tolist()] == expected


def test_what_cannot_be_seen_changes_nothing():
    for result in (
        weather.rain(RANDOM, generator(), 1.0, 20, intensity=0.0),
        raindrops(RANDOM, generator(), 0, 5),
        raindrops(RANDOM, generator(), 0.5, 5, opacity=0),
    ):
        np.testing.assert_array_equal(result, RANDOM)
    np.testing.assert_allclose(snow(RANDOM, generator(), 0, 4), RANDOM, atol=1e-6)


def test_noise_beyond_the_range_is_clipped():
    wild = generator().normal(0.5, 1.0, (40, 40, 3)).astype(np.float32)
    for result in (raindrops(wild, generator(), 0.3, 5), snow(wild, generator(), 0.3, 5)):
        assert 0 <= result.min() <= result.max() <= 1


@pytest.mark.parametrize(
    ("module", "draw", "block"),
    [(weather, weather.rain, 64), (snowflakes, snow, 2000), (drops, raindrops, 2000)],
)
def test_large_pictures_are_done_in_blocks(monkeypatch, module, draw, block):
    image = stripes(250, 250)
    whole = np.abs(draw(image, generator(), 0.2, 6) - image).mean()
    monkeypatch.setattr(module, "_BLOCK", block)
    blocks = np.abs(draw(image, generator(), 0.2, 6) - image).mean()
    assert blocks == pytest.approx(whole, rel=0.15)


def test_rain_covers_the_area_it_is_given():
    layer = weather.rain_streaks((400, 400), generator(), 0.1, 20, 10, 1.5)
    # mean brightness 0.65, mean of the fade along a streak 2/3
    assert layer.mean() == pytest.approx(0.1 * 0.65 * 2 / 3, rel=0.1)
    assert 0 <= layer.min() <= layer.max() <= 1


@pytest.mark.parametrize("angle", [-40, 0, 25, 60])
def test_rain_falls_in_its_direction(angle):
    layer = weather.rain_streaks((200, 200), generator(), 0.2, 25, angle, 1.5, spread=0)
    # Differences of neighbours misjudge the slope of thin lines: smooth first.
    smooth = gaussian_blur(np.repeat(layer[..., None], 3, axis=2), 2.0)[..., 0]
    assert direction(smooth) == pytest.approx(angle, abs=2)


def test_rain_adds_or_screens_a_grey_layer():
    layer = weather.rain_streaks(RANDOM.shape, generator(), 0.3, 15)[..., None] * 0.5 + 0.1
    options = {"density": 0.3, "length": 15, "intensity": 0.5, "mist": 0.1}
    added = weather.rain(RANDOM, generator(), **options)
    screened = weather.rain(RANDOM, generator(), screen=1.0, **options)
    np.testing.assert_allclose(added, np.clip(RANDOM + layer, 0, 1), atol=1e-6)
    np.testing.assert_allclose(screened, 1 - (1 - RANDOM) * (1 - np.minimum(layer, 1)), atol=1e-6)


def test_haze_is_koschmieders_law():
    depth = generator().random(RANDOM.shape[:2], np.float32)
    light = np.array([0.9, 0.8, 1.0])
    t = np.exp(-1.3 * depth)[..., None]
    hazy = weather.haze(RANDOM, depth, 1.3, tuple(light))
    np.testing.assert_allclose(hazy, RANDOM * t + light * (1 - t), atol=1e-6)
    np.testing.assert_allclose(weather.haze(RANDOM, 1.0, 50.0, 0.7), 0.7, atol=1e-6)
    np.testing.assert_allclose(weather.haze(RANDOM, depth, 0.0), RANDOM, atol=1e-6)


def test_depth_is_bounded_smooth_and_grows_towards_the_top():
    stack = np.stack([depth.pseudo_depth((48, 60, 3), generator(seed)) for seed in range(200)])
    assert stack.shape == (200, 48, 60)
    assert 0 <= stack.min() <= stack.max() <= 1
    assert np.abs(np.diff(stack, axis=1)).max() < 0.1
    assert stack[:, :8].mean() > stack[:, -8:].mean() + 0.05
    ranges = np.ptp(stack, axis=(1, 2))
    assert (ranges < 0.1).any()  # some see nearly one depth,
    assert (ranges > 0.3).any()  # some a deep scene


def test_flakes_cover_about_the_area_they_are_given():
    still = snow_flakes((600, 600), generator(), 0.1, 3, length=0)
    assert still.mean() == pytest.approx(0.1 * 0.7, rel=0.1)  # of mean opacity 0.7
    moved = snow_flakes((600, 600), generator(), 0.1, 3, length=8)
    assert moved.mean() == pytest.approx(still.mean(), rel=0.05)  # drawn out, not added
    assert 0 <= moved.min() <= np.quantile(moved, 0.99) < 0.8 * np.quantile(still, 0.99)


@pytest.mark.parametrize("angle", [-40, 0, 30])
def test_flakes_are_drawn_out_along_their_fall(angle):
    mask = snow_flakes((300, 300), generator(), 0.1, 3, 30, angle, spread=0)
    assert direction(mask) == pytest.approx(angle, abs=6)


def test_flakes_are_as_dense_at_the_borders():
    mask = np.mean([snow_flakes((60, 60), generator(s), 0.3, 5, 15, 30) for s in range(150)], 0)
    border = np.concatenate([mask[:4].ravel(), mask[-4:].ravel(), mask[:, :4].ravel()])
    assert border.mean() == pytest.approx(mask[20:40, 20:40].mean(), rel=0.12)


def test_snow_blends_by_its_mask_before_mist():
    mask = snow_flakes(RANDOM.shape, generator(), 0.3, 4)[..., None] * 0.8
    misty = RANDOM * 0.7 + 0.9 * 0.3
    result = snow(RANDOM, generator(), 0.3, 4, opacity=0.8, brightness=0.9, mist=0.3)
    np.testing.assert_allclose(result, misty * (1 - mask) + 0.9 * mask, atol=1e-6)


@pytest.mark.parametrize("shape", [(30, 40), (2, 3), (1, 7), (1, 1)])
def test_drops_interpolate_as_scipy_does(shape):
    rng = np.random.default_rng(0)
    plane, place = rng.random(shape, np.float32), rng.uniform(-100, 100, (2, 1000))
    expected = map_coordinates(plane, place, np.float64, order=1, mode="mirror")
    np.testing.assert_allclose(drops._between(plane, *place), expected, atol=1e-12)


def test_drops_cover_about_the_area_they_are_given():
    image = stripes(400, 400)
    changed = np.abs(raindrops(image, generator(), 0.2, 12) - image).max(axis=2) > 0.05
    assert changed.mean() == pytest.approx(1 - np.exp(-0.2), abs=0.05)


def test_a_drop_shows_the_scene_upside_down():
    ramp = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[:, None, None], 200, 1).repeat(3, 2)
    result = raindrops(ramp, generator(3), 0.1, 15, blur=0, rim=0.02)
    inside = np.abs(result - ramp).max(axis=2) > 0.02
    slope = np.diff(result[..., 0], axis=0)[inside[1:] & inside[:-1]]
    assert np.median(slope) < -2 / 200  # turned, and steeper: it shows more than its own width
