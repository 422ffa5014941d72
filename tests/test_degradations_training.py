"""How severity is drawn: defaults that stay as they are, ranges that replace them, depth."""

from __future__ import annotations

import numpy as np
import pytest
from degradation_images import RANDOM, generator

from osr import degradations as deg
from osr.degradations.depth import TYPICAL_DEPTH, pseudo_depth
from osr_core.errors import ImageError, OptionError


def drawn(name, rng, ranges=None, depth=None, image=RANDOM):
    return deg.Chain.parse(name)(image, rng, depth, {name: ranges} if ranges else None)[0]


def _rain(image, rng):
    density = float(np.exp(rng.uniform(np.log(0.02), np.log(2.5))))
    length = rng.uniform(8.0, 45.0)
    angle = float(np.clip(18.0 * rng.standard_normal(), -45.0, 45.0))
    width, intensity = rng.uniform(0.7, 2.5), rng.uniform(0.05, 0.8)
    spread, mist = rng.uniform(0.0, 4.0), rng.uniform(0.0, 0.15) * min(1.0, density)
    look = {"spread": spread, "mist": mist, "screen": rng.uniform(0.0, 1.0)}
    return deg.rain(image, rng, density, length, angle, width, intensity, **look)


def _haze(image, rng):
    light = np.clip(rng.uniform(0.7, 1.0) + rng.uniform(-0.03, 0.03, 3), 0, 1)
    depth = pseudo_depth(image.shape, rng)
    return deg.haze(image, depth, rng.uniform(0.0, 2.5), tuple(light))


def _blur(image, rng):
    kind = rng.integers(4)
    if kind == 0:
        return deg.gaussian_blur(image, rng.uniform(0.1, 3.5))
    if kind == 1:
        return deg.defocus_blur(image, rng.uniform(0.5, 5.0))
    if kind == 2:
        return deg.motion_blur(image, rng.uniform(0.0, 25.0), rng.uniform(0.0, 180.0))
    return deg.shake_blur(image, rng.uniform(0.0, 25.0), rng)


def _low_resolution(image, rng):
    whole = rng.uniform() < 0.5
    scale = float(rng.integers(2, 5)) if whole else rng.uniform(1.0, 4.0)
    return deg.low_resolution(image, scale)


RELEASED = {
    "rain": _rain,
    "haze": _haze,
    "blur": _blur,
    "low_resolution": _low_resolution,
    "noise": lambda image, rng: deg.gaussian_noise(image, rng.uniform(0.0, 55.0), rng),
    "jpeg": lambda image, rng: deg.jpeg(image, int(rng.integers(10, 99))),
}
"""The draws of version 0.1: a recipe from then has to give the same samples for ever."""


@pytest.mark.parametrize("kind", RELEASED)
def test_draws_of_old_recipes_stay_as_they_were(kind):
    then, now = generator(5), generator(5)
    for _ in range(30):
        np.testing.assert_array_equal(drawn(kind, now), RELEASED[kind](RANDOM, then))
    assert then.random() == now.random()


@pytest.mark.parametrize("kind", deg.DEGRADATIONS)
def test_each_parameter_matters_and_its_limits_are_allowed(kind):
    params = deg.DEGRADATIONS[kind].params
    trained = {name: param.train for name, param in params.items()}
    deg.check_ranges({kind: trained})
    np.testing.assert_array_equal(drawn(kind, generator(), trained), drawn(kind, generator()))
    for name, param in params.items():
        least, most = param.valid
        results = []
        for value in param.choices or (least, least + 0.3 * (most - least), most):
            ranges = {name: (value, value)}
            deg.check_ranges({kind: ranges})
            if kind == "low_light" and name != "stops":
                ranges["stops"] = (1.0, 1.0)  # without it nothing else is drawn
            results.append([drawn(kind, generator(s), ranges) for s in range(12)])
        assert np.isfinite(results).all()
        assert not np.array_equal(results[0], results[1]), name


def test_a_range_is_obeyed():
    grey = np.full((100, 100, 3), 0.5, np.float32)
    for seed in range(10):
        noisy = drawn("noise", generator(seed), {"sigma": [20, 22]}, image=grey)
        assert 19.5 < noisy.std() * 255 < 22.5
    for scale in ((1, 1), (2.2, 2.8), (1, 1.5), (3, 3), (100, 100)):
        small = drawn("low_resolution", generator(), {"scale": scale}, image=grey)
        np.testing.assert_allclose(small, 0.5, atol=1e-5)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"nois": {}}, r"\.nois: unknown; did you mean noise\?"),
        ({"fog": {}}, r"\.fog: unknown; expected one of grey, haze"),
        ({"noise": {"sigm": (0, 1)}}, r"\.noise\.sigm: unknown; did you mean sigma\?"),
        ({"noise": {"sigma": (30, 10)}}, r"\.noise\.sigma: .* in order, not \(30, 10\)"),
        ({"noise": {"sigma": (0, 256)}}, r"\.noise\.sigma must be between 0 and 255"),
        ({"rain": {"density": (0, 1)}}, r"\.rain\.density must be between 0\.0001 and 4"),
        ({"jpeg": {"chroma": (420, 430)}}, r"\.jpeg\.chroma must be 420 or 444, not 430"),
        ({"noise": {"sigma": 5}}, r"\.noise\.sigma: expected \[low, high\]"),
        ({"noise": {"sigma": ("a", "b")}}, r"\.noise\.sigma: expected"),
        ({"noise": {"sigma": (float("nan"), 1)}}, r"\.noise\.sigma must be"),
    ],
)
def test_wrong_ranges_are_named(ranges, message):
    with pytest.raises(OptionError, match=f"^degradations{message}"):
        deg.check_ranges(ranges)


def test_haze_follows_the_depth_where_there_is_one():
    depth = np.linspace(0.0, 2.0, 32 * 40, dtype=np.float32).reshape(32, 40)
    exact = {"beta": (1.5, 1.5), "airlight": (0.8, 0.8), "tint": (0.0, 0.0)}
    t = np.exp(-1.5 * TYPICAL_DEPTH * depth)[..., None]
    hazy = drawn("haze", generator(), exact, depth)
    np.testing.assert_allclose(hazy, RANDOM * t + 0.8 * (1 - t), atol=1e-5)
    with pytest.raises(ImageError, match="depth"):
        drawn("haze", generator(), None, depth[:5])
    made_up = [pseudo_depth((32, 40), generator(seed)).mean() for seed in range(2000)]
    assert np.mean(made_up) == pytest.approx(TYPICAL_DEPTH, abs=0.02)
