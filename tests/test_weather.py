"""Rain and haze against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from osr.degradations import weather
from osr.degradations.blur import gaussian_blur
from osr_core.errors import ImageError


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def picture():
    return np.random.default_rng(1).random((24, 40, 3), np.float32)


def test_rain_without_light_changes_nothing(picture):
    np.testing.assert_array_equal(
        weather.rain(picture, generator(), 1.0, 20, intensity=0.0), picture
    )


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
    down, right = np.gradient(smooth)
    # The eigenvector of the structure tensor with the smaller eigenvalue runs along the streaks.
    mixed = (right * down).mean()
    tensor = [[(right**2).mean(), mixed], [mixed, (down**2).mean()]]
    x, y = np.linalg.eigh(tensor)[1][:, 0]
    assert np.degrees(np.arctan(x / y)) == pytest.approx(angle, abs=2)


def test_rain_adds_or_screens_a_grey_layer(picture):
    layer = weather.rain_streaks(picture.shape, generator(), 0.3, 15)[..., None] * 0.5 + 0.1
    options = {"density": 0.3, "length": 15, "intensity": 0.5, "mist": 0.1}
    added = weather.rain(picture, generator(), **options)
    screened = weather.rain(picture, generator(), screen=1.0, **options)
    np.testing.assert_allclose(added, np.clip(picture + layer, 0, 1), atol=1e-6)
    np.testing.assert_allclose(screened, 1 - (1 - picture) * (1 - np.minimum(layer, 1)), atol=1e-6)


def test_rain_in_blocks_covers_as_much(monkeypatch):
    whole = weather.rain_streaks((300, 300), generator(), 0.1, 15)
    monkeypatch.setattr(weather, "_BLOCK", 64)
    blocks = weather.rain_streaks((300, 300), generator(), 0.1, 15)
    assert blocks.mean() == pytest.approx(whole.mean(), rel=0.1)


def test_haze_is_koschmieders_law(picture):
    depth = generator().random(picture.shape[:2], np.float32)
    light = np.array([0.9, 0.8, 1.0])
    t = np.exp(-1.3 * depth)[..., None]
    hazy = weather.haze(picture, depth, 1.3, tuple(light))
    np.testing.assert_allclose(hazy, picture * t + light * (1 - t), atol=1e-6)
    np.testing.assert_allclose(weather.haze(picture, 1.0, 50.0, 0.7), 0.7, atol=1e-6)
    np.testing.assert_allclose(weather.haze(picture, depth, 0.0), picture, atol=1e-6)


def test_depth_is_bounded_smooth_and_grows_towards_the_top():
    depths = [weather.pseudo_depth((48, 60, 3), generator(seed)) for seed in range(200)]
    stack = np.stack(depths)
    assert stack.shape == (200, 48, 60)
    assert stack.min() >= 0
    assert stack.max() <= 1
    assert np.abs(np.diff(stack, axis=1)).max() < 0.1
    assert stack[:, :8].mean() > stack[:, -8:].mean() + 0.05
    ranges = np.ptp(stack, axis=(1, 2))
    assert (ranges < 0.1).any()  # some see nearly one depth,
    assert (ranges > 0.3).any()  # some a deep scene


def test_depth_of_another_size_is_refused(picture):
    with pytest.raises(ImageError, match="depth"):
        weather.haze(picture, np.zeros((5, 5), np.float32), 1.0)
