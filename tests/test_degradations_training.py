"""How severity is drawn: defaults that stay as they are, ranges that replace them, depth."""

from __future__ import annotations

import numpy as np
import pytest

from osr import degradations as deg
from osr.degradations.weather import TYPICAL_DEPTH, pseudo_depth
from osr_core.errors import ImageError, OptionError


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def picture():
    return generator(1).random((32, 40, 3), np.float32)


def _rain(image, rng):
    density = float(np.exp(rng.uniform(np.log(0.02), np.log(2.5))))
    length = rng.uniform(8.0, 45.0)
    angle = float(np.clip(18.0 * rng.standard_normal(), -45.0, 45.0))
    width, intensity = rng.uniform(0.7, 2.5), rng.uniform(0.05, 0.8)
    spread, mist = rng.uniform(0.0, 4.0), rng.uniform(0.0, 0.15) * min(1.0, density)
    screen = rng.uniform(0.0, 1.0)
    return deg.rain(
        image, rng, density, length, angle, width, intensity,
        spread=spread, mist=mist, screen=screen,
    )  # fmt: skip


def _haze(image, rng):
    light = np.clip(rng.uniform(0.7, 1.0) + rng.uniform(-0.03, 0.03, 3), 0, 1)
    depth = pseudo_depth(image.shape, rng)
    return deg.haze(image, depth, rng.uniform(0.0, 2.5), tuple(float(v) for v in light))


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


def drawn(image, name, rng, ranges=None, depth=None):
    return deg.Chain.parse(name)(image, rng, depth, {name: ranges} if ranges else None)[0]


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
def test_draws_of_old_recipes_stay_as_they_were(picture, kind):
    then, now = generator(5), generator(5)
    for _ in range(30):
        expected = RELEASED[kind](picture, then)
        np.testing.assert_array_equal(drawn(picture, kind, now), expected)
    assert then.random() == now.random()


@pytest.mark.parametrize("kind", deg.DEGRADATIONS)
def test_defaults_make_sense_and_may_be_spelt_out(picture, kind):
    ranges = {name: param.train for name, param in deg.DEGRADATIONS[kind].params.items()}
    assert deg.check_ranges({kind: ranges}) == {kind: ranges}
    expected = drawn(picture, kind, generator())
    np.testing.assert_array_equal(drawn(picture, kind, generator(), ranges), expected)


@pytest.mark.parametrize("kind", deg.DEGRADATIONS)
def test_each_parameter_matters_and_its_limits_are_allowed(picture, kind):
    for name, param in deg.DEGRADATIONS[kind].params.items():
        least, most = param.valid
        results = []
        between = param.choices[1:] or (least + 0.3 * (most - least), most)
        for value in (least, *between):
            ranges = {name: (value, value)}
            if kind == "low_light" and name != "stops":
                ranges["stops"] = (1.0, 1.0)  # without it nothing else is drawn
            results.append([drawn(picture, kind, generator(s), ranges) for s in range(12)])
        assert np.isfinite(results).all()
        assert not np.array_equal(results[0], results[1]), name


def test_a_range_is_obeyed():
    grey = np.full((100, 100, 3), 0.5, np.float32)
    for seed in range(10):
        noisy = drawn(grey, "noise", generator(seed), {"sigma": [20, 22]})
        assert 19.5 < noisy.std() * 255 < 22.5
    scales = [drawn(grey, "low_resolution", generator(), {"scale": (low, high)})
              for low, high in ((1, 1), (2.2, 2.8), (1, 1.5), (3, 3), (100, 100))]  # fmt: skip
    np.testing.assert_allclose(scales, 0.5, atol=1e-5)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"nois": {}}, r"degradations\.nois: unknown; did you mean noise\?"),
        ({"fog": {}}, r"degradations\.fog: unknown; expected one of grey, haze"),
        ({"noise": {"sigm": (0, 1)}}, r"degradations\.noise\.sigm: unknown; did you mean sigma\?"),
        (
            {"noise": {"sigma": (30, 10)}},
            r"degradations\.noise\.sigma: .* in order, not \(30, 10\)",
        ),
        ({"noise": {"sigma": (0, 256)}}, r"degradations\.noise\.sigma must be between 0 and 255"),
        ({"rain": {"density": (0, 1)}}, r"rain\.density must be between 0\.0001 and 4"),
        ({"jpeg": {"chroma": (420, 430)}}, r"jpeg\.chroma must be 420 or 444, not 430"),
        ({"noise": {"sigma": 5}}, r"degradations\.noise\.sigma: expected \[low, high\]"),
        ({"noise": {"sigma": (1, 2, 3)}}, r"degradations\.noise\.sigma: expected"),
        ({"noise": {"sigma": ("a", "b")}}, r"degradations\.noise\.sigma: expected"),
        ({"noise": {"sigma": (float("nan"), 1)}}, r"degradations\.noise\.sigma must be"),
    ],
)
def test_wrong_ranges_are_named(ranges, message):
    with pytest.raises(OptionError, match=message):
        deg.check_ranges(ranges)


def test_haze_follows_the_depth_where_there_is_one(picture):
    depth = np.linspace(0.0, 2.0, 32 * 40, dtype=np.float32).reshape(32, 40)
    exact = {"beta": (1.5, 1.5), "airlight": (0.8, 0.8), "tint": (0.0, 0.0)}
    hazy = drawn(picture, "haze", generator(), exact, depth)
    t = np.exp(-1.5 * TYPICAL_DEPTH * depth)[..., None]
    np.testing.assert_allclose(hazy, picture * t + 0.8 * (1 - t), atol=1e-5)
    with pytest.raises(ImageError, match="depth"):
        drawn(picture, "haze", generator(), None, depth[:5])
    made_up = [pseudo_depth((32, 40), generator(seed)).mean() for seed in range(2000)]
    assert np.mean(made_up) == pytest.approx(TYPICAL_DEPTH, abs=0.02)
