"""Each classical method gains on the degradation it is for, and minds its door."""

import numpy as np
import pytest
import skimage.data

from osr.degradations import DEGRADATIONS, Chain
from osr.evaluation.baselines import BASELINES, Baseline, estimate_noise, find_baseline
from osr.evaluation.metrics import psnr
from osr_core.errors import ImageError, OptionError


@pytest.fixture(scope="module")
def photographs():
    """Parts of three photographs."""
    crops = (
        skimage.data.astronaut()[:192, 100:292],
        skimage.data.chelsea()[60:252, 130:322],
        skimage.data.coffee()[100:292, 200:392],
    )
    return [(crop / np.float32(255)).astype(np.float32) for crop in crops]


def _gain(baseline, degradation, photographs, told=False):
    gains = []
    for index, truth in enumerate(photographs):
        degraded, _ = degradation(truth, np.random.default_rng([0, index]))
        result = baseline.restore(degraded, degradation.steps[0] if told else None)
        assert result.shape == truth.shape
        assert result.dtype == np.float32
        assert 0 <= result.min() <= result.max() <= 1
        gains.append(psnr(result, truth).value - psnr(degraded, truth).value)
    return float(np.mean(gains))


# Rounded down from the gains on these parts; whole photographs are in the module's docstring.
GAINS = [
    ("non-local-means", "noise:15", 4.0),
    ("non-local-means", "noise:25", 6.0),
    ("non-local-means", "noise:50", 8.5),
    ("non-local-means", "poisson_gaussian:0.01", 5.5),
    ("dark-channel", "haze:1", 8.0),
    ("dark-channel", "haze:2", 10.0),
    ("richardson-lucy", "blur:1", 1.0),
    ("richardson-lucy", "blur:1.6", 0.8),
    ("richardson-lucy", "defocus:3", 0.4),
    ("richardson-lucy", "motion:15", -0.1),
    ("unsharp-mask", "low_resolution:2", 0.3),
    ("unsharp-mask", "low_resolution:4", 0.2),
    ("row-median", "rain:0.1", 5.0),
    ("row-median", "rain:1", 1.8),
    ("row-median", "snow:0.1", 0.8),
    ("bilateral", "jpeg:10", 0.2),
    ("bilateral", "jpeg:40", 0.4),
    ("gamma", "low_light:3", 7.5),
]


@pytest.mark.parametrize(("name", "degradation", "least"), GAINS)
def test_each_gains_on_the_degradation_it_is_for(name, degradation, least, photographs):
    parsed = Chain.parse(degradation)
    assert parsed.kind in BASELINES[name].kinds
    assert _gain(BASELINES[name], parsed, photographs) >= least


@pytest.mark.parametrize(
    ("name", "degradation", "more"),
    [("richardson-lucy", "blur:2", 0.5), ("richardson-lucy", "motion:9,angle=30", 1.0)],
)
def test_to_be_told_the_kernel_helps(name, degradation, more, photographs):
    parsed = Chain.parse(degradation)
    part = [photographs[0][:96, :96]]
    told, blind = (_gain(BASELINES[name], parsed, part, told) for told in (True, False))
    assert told >= blind + more


def test_only_its_own_degradation_tells_a_method_anything(photographs):
    rain = Chain.parse("rain:1").steps[0]
    for baseline in BASELINES.values():
        blind, told = (baseline.restore(photographs[0], known) for known in (None, rain))
        assert np.array_equal(blind, told)
    direction_unknown = Chain.parse("motion:15").steps[0]
    lucy = BASELINES["richardson-lucy"]
    blind, told = (lucy.restore(photographs[0], known) for known in (None, direction_unknown))
    assert np.array_equal(blind, told)


@pytest.mark.parametrize("sigma", [5, 15, 25])
def test_noise_is_estimated(sigma, photographs):
    noise = np.random.default_rng(0).normal(0, sigma / 255, (192, 192, 3)).astype(np.float32)
    for photograph in photographs:  # texture adds to it
        assert estimate_noise(photograph + noise) == pytest.approx(sigma, rel=0.1, abs=2)
    assert estimate_noise(noise) == pytest.approx(sigma, rel=0.02)
    assert estimate_noise(np.full((9, 7, 3), 0.5, np.float32)) == 0


def test_kinds_exist_and_are_claimed_once():
    claimed = [kind for baseline in BASELINES.values() for kind in baseline.kinds]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= set(DEGRADATIONS)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 3, 3), (40, 33, 3)])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_small_and_even_pictures(name, shape, level):
    image = np.full(shape, level, np.float32)
    result = BASELINES[name].restore(image)
    assert result.shape == shape
    assert np.isfinite(result).all()
    assert np.ptp(result) < 0.02
    assert np.array_equal(image, np.full(shape, level, np.float32))


def test_out_of_range_is_clipped_and_bad_pictures_are_refused():
    identity = Baseline("Nothing", frozenset(), lambda image, known: image)
    wild = np.float32([[[-1, 0.5, 2]]])
    assert identity.restore(wild).tolist() == [[[0, 0.5, 1]]]
    with pytest.raises(ImageError, match="not finite"):
        identity.restore(wild * np.float32(np.nan))
    with pytest.raises(ImageError, match="float32"):
        identity.restore(np.zeros((4, 4, 3), np.uint8))


def test_the_nearest_name_is_named():
    assert find_baseline("gamma") is BASELINES["gamma"]
    with pytest.raises(OptionError, match=r"baseline bilatral: .*bilateral"):
        find_baseline("bilatral")
