"""Chains: degradation of given or drawn severity by name."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from degradation_images import RANDOM, generator

from osr import degradations as deg
from osr.degradations import DEGRADATIONS, Chain, Step
from osr.degradations.depth import pseudo_depth
from osr_core.errors import OptionError

SAME = {
    "noise:25,clip=1": lambda im: deg.gaussian_noise(im, 25, generator(), clip=True),
    "poisson_gaussian:0.01,sigma=3": lambda im: deg.poisson_gaussian(im, 0.01, 3, generator()),
    "rain:0.8,angle=-20,length=40": lambda im: deg.rain(im, generator(), 0.8, 40, -20),
    "haze:1.2": lambda im: deg.haze(im, pseudo_depth(im.shape, generator()), 1.2),
    "haze:1.2,airlight=0.7": lambda im: deg.haze(im, pseudo_depth(im.shape, generator()), 1.2, 0.7),
    "motion:15,angle=30": lambda im: deg.motion_blur(im, 15, 30),
    "motion:15": lambda im: deg.motion_blur(im, 15, generator().uniform(0, 180)),
    "defocus:3": lambda im: deg.defocus_blur(im, 3),
    "low_resolution:2.5": lambda im: deg.low_resolution(im, 2.5),
    "low_light:3": lambda im: deg.low_light(im, 3, generator()),
    "raindrops:0.2,radius=6": lambda im: deg.raindrops(im, generator(), 0.2, 6),
    "snow:0.1,mist=0": lambda im: deg.snow(im, generator(), 0.1, 4, 8, 10),
    "jpeg:90,chroma=444": lambda im: deg.jpeg(im, 90, 444),
    "webp:50": lambda im: deg.webp(im, 50),
    "camera_noise:15,grain=0.7": lambda im: deg.camera_noise(im, 15, generator(), grain=0.7),
    "shake:9": lambda im: deg.shake_blur(im, 9, generator()),
    "grey": deg.grey,
    "none": lambda im: im,
    "blur:2+jpeg:20": lambda im: deg.jpeg(deg.gaussian_blur(im, 2), 20),
}


@pytest.mark.parametrize("text", SAME)
def test_a_text_does_what_the_function_does_and_comes_back(text):
    chain = Chain.parse(text)
    assert str(chain) == text
    assert pickle.loads(pickle.dumps(chain)) == chain
    result, _ = chain(RANDOM, generator())
    np.testing.assert_array_equal(result, SAME[text](RANDOM))
    assert not np.shares_memory(result, RANDOM)


def test_kinds_grids_order_and_equality():
    assert {step.name for text in SAME for step in Chain.parse(text).steps} == set(DEGRADATIONS)
    chain = Chain.parse("motion:9 + low_resolution:2 + defocus:2 + jpeg:50")
    assert chain.kinds == ("blur", "low_resolution", "jpeg")
    assert (chain.kind, chain.grid) == ("blur+low_resolution+jpeg", 48)
    assert Chain.parse("grey").kind == "none"
    assert (Chain.parse("none").kind, Chain.parse("noise:5").grid) == ("none", 1)
    light, lens = "haze rain snow", "raindrops blur defocus motion shake"
    sensor, file = "low_resolution low_light poisson_gaussian noise camera_noise", "jpeg webp"
    assert list(DEGRADATIONS) == f"grey {light} {lens} {sensor} {file}".split()
    one, other = "rain:0.80,length=40,angle=-20.0", "rain:8e-1,angle=-20, length=40"
    assert Chain.parse(one) == Chain.parse(other)


def test_steps_share_a_generator_in_their_order():
    rng = generator()
    expected = deg.gaussian_noise(deg.rain(RANDOM, rng, 0.8, 25, 10), 25, rng)
    result, target = Chain.parse("rain:0.8+noise:25")(RANDOM, generator())
    np.testing.assert_array_equal(result, expected)
    assert target is RANDOM


def test_grey_in_front_makes_the_target_grey_too():
    degraded, target = Chain.parse("grey+noise:25")(RANDOM, generator())
    np.testing.assert_array_equal(target, deg.grey(RANDOM))
    np.testing.assert_array_equal(target[..., 0], target[..., 2])
    np.testing.assert_array_equal(degraded[..., 0], degraded[..., 2])
    assert (degraded - target).std() * 255 == pytest.approx(25, rel=0.05)
    degraded, target = Chain.parse("noise:25+grey")(RANDOM, generator())
    assert target is RANDOM
    np.testing.assert_array_equal(degraded[..., 0], degraded[..., 1])


def test_without_a_level_what_is_not_given_is_drawn():
    chain = Chain.parse("rain,length=12")
    assert chain.steps == (Step("rain", None, (("length", 12.0),)),)
    assert str(chain) == "rain,length=12"
    results = [chain(RANDOM, generator(seed))[0] for seed in range(3)]
    assert not np.array_equal(results[0], results[1])
    ranges = {"rain": {"length": (12.0, 12.0)}}
    expected, _ = Chain.parse("rain")(RANDOM, generator(2), ranges=ranges)
    np.testing.assert_array_equal(results[2], expected)


def test_a_given_value_is_not_coupled_to_drawn_ones():
    black = np.zeros((8, 8, 3), np.float32)
    ranges = {"rain": {"density": (1e-4, 1e-4), "screen": (0.0, 0.0)}}
    assert Chain.parse("rain,mist=0.5")(black, generator(), ranges=ranges)[0].min() == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jpeg:20+nois:25", r"degradation jpeg:20\+nois:25: did you mean noise"),
        ("grey:1", "grey takes no level"),
        ("noise:5+none", "none stands alone"),
        ("noise:", "expected a number, not ''"),
        ("noise:nan", "sigma must be between 0 and 255, not nan"),
        ("noise:300", r"degradation noise:300: sigma must be between 0 and 255"),
        ("rain:0.5,lenth=3", "lenth: unknown; did you mean length"),
        ("rain:0.5,length=0", "length must be between 1 and 500"),
        ("rain:0.5,length=9,length=8", "length is given twice"),
        ("rain:0.5,density=1", "density: unknown"),
        ("blur:2,radius=3", "radius: unknown; blur takes no options"),
        ("", "expected one of grey"),
        ("jpeg:50,chroma=422", "chroma must be 420 or 444, not 422"),
        ("noise:5,clip=0.5", "clip must be 0 or 1"),
        ("noise:5+", "expected one of grey"),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(OptionError, match=message):
        Chain.parse(text)
