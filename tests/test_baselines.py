"""Each classical method gains on the degradation that it is meant for."""

import numpy as np
import pytest
import skimage.data

from osr.degradations import DEGRADATIONS, Chain
from osr.evaluation.baselines import BASELINES, Baseline, estimate_noise
from osr.evaluation.columns import Column
from osr.evaluation.metrics import psnr
from osr.evaluation.models import baseline_models
from osr_core.errors import ImageError


@pytest.fixture(scope="module")
def photographs():
    """Parts of three photographs."""
    crops = (
        skimage.data.astronaut()[:192, 100:292],
        skimage.data.chelsea()[60:252, 130:322],
        skimage.data.coffee()[100:292, 200:392],
    )
    return [(crop / np.float32(255)).astype(np.float32) for crop in crops]


def _gain(baseline, degradation, photographs):
    gains = []
    for index, truth in enumerate(photographs):
        degraded = degradation(truth, np.random.default_rng([0, index]))[0]
        result = baseline.restore(degraded)
        assert result.shape == truth.shape
        assert result.dtype == np.float32
        assert 0 <= result.min() <= result.max() <= 1
        gains.append(psnr(result, truth) - psnr(degraded, truth))
    return float(np.mean(gains))


# Rounded down from the gains on these parts; whole photographs are in the module's docstring.
GAINS = [
    ("non-local-means", "noise:15", 4.0),
    ("non-local-means", "noise:25", 6.0),
    ("non-local-means", "poisson_gaussian:0.01", 5.5),
    ("dark-channel", "haze:1", 8.0),
    ("richardson-lucy", "blur:1", 1.0),
    ("richardson-lucy", "defocus:3", 0.4),
    ("richardson-lucy", "motion:15", -0.1),
    ("unsharp-mask", "low_resolution:2", 0.3),
    ("row-median", "rain:0.1", 5.0),
    ("row-median", "snow:0.1", 0.8),
    ("bilateral", "jpeg:10", 0.2),
    ("gamma", "low_light:3", 7.5),
]


@pytest.mark.parametrize(("name", "degradation", "least"), GAINS)
def test_each_gains_on_the_degradation_it_is_for(name, degradation, least, photographs):
    parsed = Chain.parse(degradation)
    assert parsed.kind in BASELINES[name].kinds
    assert _gain(BASELINES[name], parsed, photographs) >= least


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


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        ("noise", {"non-local-means"}),
        ("grey+camera_noise+jpeg", {"non-local-means", "bilateral"}),
        ("none", set()),
        ("unknown", set()),
    ],
)
def test_a_baseline_is_run_where_part_of_the_degradation_is_what_it_is_for(kind, fitting):
    column = Column("a column", "photographs", None, kind, "rgb", 1)
    assert {model.name for model in baseline_models() if model.fits(column)} == fitting


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
    identity = Baseline("Nothing", frozenset(), lambda image: image)
    wild = np.float32([[[-1, 0.5, 2]]])
    assert identity.restore(wild).tolist() == [[[0, 0.5, 1]]]
    with pytest.raises(ImageError, match="not finite"):
        identity.restore(wild * np.float32(np.nan))
    with pytest.raises(ImageError, match="float32"):
        identity.restore(np.zeros((4, 4, 3), np.uint8))
