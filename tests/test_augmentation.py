"""What is done to clear crops before they are damaged."""

from __future__ import annotations

import numpy as np
import pytest
from training_runs import make_images, make_samples

from osr_core.training.augmentation import CLOSER, close_up, fade, retone, turn


def test_all_eight_ways_to_lie_come_up():
    image = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    rng = np.random.default_rng(0)
    seen = {turn(image, rng).tobytes() for _ in range(200)}
    ways = [np.rot90(i, k) for i in (image, image[:, ::-1]) for k in range(4)]
    assert seen == {np.ascontiguousarray(way).tobytes() for way in ways}


def test_tones_change_and_their_order_does_not():
    rng = np.random.default_rng(0)
    grey = np.linspace(0, 1, 32, dtype=np.float32)[None, :, None].repeat(3, 2)
    means = []
    for _ in range(100):
        toned = retone(grey, rng)
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
        near = close_up(ramp, rng)
        assert (near.shape, near.dtype) == (ramp.shape, ramp.dtype)
        assert near.mean() == pytest.approx(0.5, abs=0.02)
        slopes.append((near[30, 40, 0] - near[30, 20, 0]) / (ramp[30, 40, 0] - ramp[30, 20, 0]))
    factors = 1 / np.array(slopes)
    assert CLOSER[0] - 0.1 < factors.min() < 1.2
    assert CLOSER[1] - 0.2 < factors.max() < CLOSER[1] + 0.1
    rough = rng.random((60, 60, 3), np.float32)
    assert 0 <= close_up(rough, rng).min() <= close_up(rough, rng).max() <= 1


def test_what_is_pale_is_evenly_so():
    rng = np.random.default_rng(0)
    image = rng.random((8, 8, 3), np.float32)
    shares = []
    for _ in range(100):
        pale = fade(image, rng)
        assert pale.dtype == np.float32
        assert 0 <= pale.min() <= pale.max() <= 1
        slope, _ = np.polyfit(image[..., 0].ravel(), pale[..., 0].ravel(), 1)
        np.testing.assert_allclose(np.ptp(pale[..., 0] - slope * image[..., 0]), 0, atol=1e-5)
        shares.append(1 - slope)
    assert min(shares) < 0.15
    assert max(shares) > 0.5


@pytest.mark.parametrize("change", ["tones", "close_ups", "pale"])
@pytest.mark.parametrize("kind", ["clean", "noise", "haze"])
def test_a_recipe_changes_all_but_haze(tmp_path, kind, change):
    folder = make_images(tmp_path)
    plain = make_samples(folder, shares={kind: 1.0})
    toned = make_samples(folder, shares={kind: 1.0}, **{change: 1.0})
    (inputs, targets), (_, before) = toned.batch(0), plain.batch(0)
    same = np.array_equal(targets, before)
    assert same == (kind == "haze")
    if kind == "clean":
        assert np.array_equal(inputs, targets)
