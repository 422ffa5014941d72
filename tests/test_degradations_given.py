"""Degradation of a given severity by name."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from osr import degradations as deg
from osr.degradations.levels import NAMES, Degradation
from osr.degradations.weather import pseudo_depth
from osr_core.errors import OptionError


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def picture():
    return generator(1).random((32, 40, 3), np.float32)


SAME = {
    "noise:25": lambda im: deg.gaussian_noise(im, 25, generator()),
    "noise:25,clip=1": lambda im: deg.gaussian_noise(im, 25, generator(), clip=True),
    "poisson_gaussian:0.01,sigma=3": lambda im: deg.poisson_gaussian(im, 0.01, 3, generator()),
    "rain:0.8": lambda im: deg.rain(im, generator(), 0.8, 25, 10),
    "rain:0.8,angle=-20,length=40": lambda im: deg.rain(im, generator(), 0.8, 40, -20),
    "haze:1.2": lambda im: deg.haze(im, pseudo_depth(im.shape, generator()), 1.2),
    "haze:1.2,airlight=0.7": lambda im: deg.haze(im, pseudo_depth(im.shape, generator()), 1.2, 0.7),
    "blur:2": lambda im: deg.gaussian_blur(im, 2),
    "motion:15,angle=30": lambda im: deg.motion_blur(im, 15, 30),
    "motion:15": lambda im: deg.motion_blur(im, 15, generator().uniform(0, 180)),
    "defocus:3": lambda im: deg.defocus_blur(im, 3),
    "low_resolution:2.5": lambda im: deg.low_resolution(im, 2.5),
    "jpeg:20": lambda im: deg.jpeg(im, 20),
    "low_light:3": lambda im: deg.low_light(im, 3, generator()),
    "raindrops:0.2,radius=6": lambda im: deg.raindrops(im, generator(), 0.2, 6),
    "snow:0.1,veil=0": lambda im: deg.snow(im, generator(), 0.1, 4, 8, 10),
    "none": lambda im: im,
}


@pytest.mark.parametrize("text", SAME)
def test_a_text_does_what_the_function_does_and_comes_back(picture, text):
    degradation = Degradation.parse(text)
    assert str(degradation) == text
    assert pickle.loads(pickle.dumps(degradation)) == degradation
    result = degradation.apply(picture, generator())
    np.testing.assert_array_equal(result, SAME[text](picture))
    assert not np.shares_memory(result, picture)
    assert degradation.kind in {*deg.KINDS, "none"}


def test_every_name_is_tried_and_every_kind_has_one():
    assert {text.partition(":")[0] for text in SAME} == set(NAMES)
    assert {Degradation(name).kind for name in NAMES} == {*deg.KINDS, "none"}
    assert Degradation("motion").kind == Degradation("defocus").kind == "blur"


def test_spellings_of_one_degradation_are_equal():
    assert Degradation.parse("rain:0.80,length=40,angle=-20.0") == Degradation.parse(
        "rain:8e-1,angle=-20,length=40"
    )


def test_haze_takes_a_depth(picture):
    flat = Degradation.parse("haze:1").apply(picture, generator(), np.ones((32, 40), np.float32))
    np.testing.assert_allclose(flat, deg.haze(picture, 0.55, 1.0), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nois:25", "degradation nois:25: did you mean noise"),
        ("noise", "needs a level, as in noise:LEVEL"),
        ("none:1", "takes no level"),
        ("noise:", "expected a number, not ''"),
        ("noise:many", "not 'many'"),
        ("noise:nan", "not 'nan'"),
        ("noise:300", "degradation noise:300: sigma must be between 0 and 255"),
        ("rain:0.5,lenth=3", "lenth: unknown; did you mean length"),
        ("rain:0.5,length=0", "length must be between 1 and 500"),
        ("rain:0.5,length=9,length=8", "length comes twice"),
        ("blur:2,angle=3", "angle: unknown; it takes none"),
        ("", "expected one of noise"),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(OptionError, match=message):
        Degradation.parse(text)
