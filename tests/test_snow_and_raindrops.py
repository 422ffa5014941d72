"""Snow and raindrops: their geometry, and how they blend."""

from __future__ import annotations

import numpy as np
import pytest

from osr.degradations import drops as drops_module
from osr.degradations import snowflakes as snow_module
from osr.degradations._squares import squares
from osr.degradations.drops import raindrops
from osr.degradations.snowflakes import snow, snow_flakes


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def picture():
    return generator(1).random((40, 60, 3), np.float32)


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


def test_flakes_cover_about_the_area_they_are_given():
    still = snow_flakes((600, 600), generator(), 0.1, 3, length=0)
    assert still.mean() == pytest.approx(0.1 * 0.7, rel=0.1)  # of mean opacity 0.7
    moved = snow_flakes((600, 600), generator(), 0.1, 3, length=8)
    assert moved.mean() == pytest.approx(still.mean(), rel=0.05)  # drawn out, not added
    assert 0 <= moved.min() <= np.quantile(moved, 0.99) < 0.8 * np.quantile(still, 0.99)


@pytest.mark.parametrize("angle", [-40, 0, 30])
def test_flakes_are_drawn_out_along_their_fall(angle):
    mask = snow_flakes((300, 300), generator(), 0.1, 3, 30, angle, spread=0)
    down, right = np.gradient(mask)
    mixed = (right * down).mean()
    tensor = [[(right**2).mean(), mixed], [mixed, (down**2).mean()]]
    x, y = np.linalg.eigh(tensor)[1][:, 0]
    assert np.degrees(np.arctan(x / y)) == pytest.approx(angle, abs=6)


def test_flakes_are_as_dense_at_the_borders():
    mask = np.mean([snow_flakes((60, 60), generator(s), 0.3, 5, 15, 30) for s in range(150)], 0)
    border = np.concatenate([mask[:4].ravel(), mask[-4:].ravel(), mask[:, :4].ravel()])
    assert border.mean() == pytest.approx(mask[20:40, 20:40].mean(), rel=0.12)


def test_snow_blends_by_its_mask_before_mist(picture):
    mask = snow_flakes(picture.shape, generator(), 0.3, 4)[..., None] * 0.8
    misty = picture * 0.7 + 0.9 * 0.3
    expected = misty * (1 - mask) + 0.9 * mask
    result = snow(picture, generator(), 0.3, 4, opacity=0.8, brightness=0.9, mist=0.3)
    np.testing.assert_allclose(result, expected, atol=1e-6)
    np.testing.assert_allclose(snow(picture, generator(), 0, 4), picture, atol=1e-6)


def test_drops_cover_about_the_area_they_are_given():
    black = np.zeros((400, 400, 3), np.float32)
    black[::2] = 1.0  # every drop blurs the stripes away
    changed = np.abs(raindrops(black, generator(), 0.2, 12) - black).max(axis=2) > 0.05
    assert changed.mean() == pytest.approx(1 - np.exp(-0.2), abs=0.05)


def test_a_drop_shows_the_scene_upside_down():
    ramp = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[:, None, None], 200, 1).repeat(3, 2)
    result = raindrops(ramp, generator(3), 0.1, 15, blur=0, rim=0.02)
    inside = np.abs(result - ramp).max(axis=2) > 0.02
    slope = np.diff(result[..., 0], axis=0)[inside[1:] & inside[:-1]]
    assert np.median(slope) < -2 / 200  # turned, and steeper: it shows more than its own width


def test_without_drops_nothing_changes(picture):
    np.testing.assert_array_equal(raindrops(picture, generator(), 0, 5), picture)
    np.testing.assert_array_equal(raindrops(picture, generator(), 0.5, 5, opacity=0), picture)


def test_noise_beyond_the_range_is_clipped():
    wild = generator().normal(0.5, 1.0, (40, 40, 3)).astype(np.float32)
    for result in (raindrops(wild, generator(), 0.3, 5), snow(wild, generator(), 0.3, 5)):
        assert result.min() >= 0
        assert result.max() <= 1


@pytest.mark.parametrize(("module", "draw"), [(snow_module, snow), (drops_module, raindrops)])
def test_large_pictures_are_done_in_portions(monkeypatch, module, draw):
    black = np.zeros((250, 250, 3), np.float32)
    black[::2] = 1.0
    whole = np.abs(draw(black, generator(), 0.2, 6) - black).mean()
    monkeypatch.setattr(module, "_BLOCK", 2000)
    portions = np.abs(draw(black, generator(), 0.2, 6) - black).mean()
    assert portions == pytest.approx(whole, rel=0.15)
