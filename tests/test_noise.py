"""Noise and low light against the statistics of their models."""

from __future__ import annotations

import numpy as np
import pytest
from degradation_images import RANDOM, generator

from osr.degradations import DEGRADATIONS
from osr.degradations.noise import (
    camera_noise,
    gaussian_noise,
    low_light,
    poisson_gaussian,
    to_linear,
    to_srgb,
)


def even(value, side=200):
    return np.full((side, side, 3), value, np.float32)


def test_gaussian_noise_has_its_sigma_in_levels_and_is_clipped_on_demand_only():
    black = even(0.0, 128)
    noisy = gaussian_noise(black, 25, generator())
    assert noisy.std() * 255 == pytest.approx(25, rel=0.01)
    assert noisy.mean() == pytest.approx(0, abs=1e-3)
    assert noisy.min() < 0
    clipped = gaussian_noise(black, 25, generator(), clip=True)
    np.testing.assert_array_equal(clipped, np.clip(noisy, 0, 1))


@pytest.mark.parametrize("value", [0.05, 0.3, 0.6])
def test_variance_of_sensor_noise_is_gain_times_signal_plus_sigma_squared(value):
    noisy = poisson_gaussian(even(value), 0.004, 5, generator(), clip=False)
    assert noisy.mean() == pytest.approx(value, abs=1e-3)
    assert noisy.var() == pytest.approx(0.004 * value + (5 / 255) ** 2, rel=0.02)


def test_shot_noise_counts_photons():
    counts = poisson_gaussian(even(0.3), 0.1, 0, generator()) / np.float32(0.1)
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-5)
    assert (counts == 0).mean() == pytest.approx(np.exp(-3), rel=0.05)


def test_sensor_noise_in_linear_light_is_strongest_in_the_dark():
    deviations = [
        poisson_gaussian(even(v), 0, 5, generator(), linear=True).std() for v in (0.25, 0.5, 0.9)
    ]
    assert deviations == sorted(deviations, reverse=True)
    light = to_linear(poisson_gaussian(even(0.5), 0.002, 2, generator(), linear=True))
    assert light.mean() == pytest.approx(to_linear(even(0.5)).mean(), rel=0.01)
    assert light.var() == pytest.approx(0.002 * 0.214 + (2 / 255) ** 2, rel=0.03)


def test_no_noise_changes_nothing():
    np.testing.assert_array_equal(poisson_gaussian(RANDOM, 0, 0, generator()), RANDOM)
    np.testing.assert_allclose(poisson_gaussian(RANDOM, 1e-12, 0, generator()), RANDOM, atol=1e-6)
    np.testing.assert_allclose(low_light(RANDOM, 0, generator()), RANDOM, atol=1e-6)


def test_linear_light_is_that_of_the_standard():
    assert to_linear(even(0.5, 1))[0, 0, 0] == pytest.approx(0.21404, abs=1e-5)
    assert to_linear(even(0.04, 1))[0, 0, 0] == pytest.approx(0.04 / 12.92)
    ramp = np.linspace(0, 1, 300, dtype=np.float32).reshape(10, 10, 3)
    np.testing.assert_allclose(to_srgb(to_linear(ramp)), ramp, atol=1e-6)


def test_a_stop_halves_the_light_of_each_channel_and_gamma_acts_on_the_srgb_values():
    dark = to_linear(low_light(RANDOM, 3, generator(), red=1.2, blue=0.5))
    np.testing.assert_allclose(dark, to_linear(RANDOM) * np.array([1.2, 1, 0.5]) / 8, atol=1e-6)
    np.testing.assert_allclose(low_light(RANDOM, 0, generator(), gamma=2.5), RANDOM**2.5, atol=1e-5)


def test_noise_joins_after_the_dimming():
    dark = to_linear(low_light(even(0.8), 2, generator(), gain=1e-3))
    signal = to_linear(even(0.8, 1)).mean() / 4
    assert dark.mean() == pytest.approx(signal, rel=0.01)
    assert dark.var() == pytest.approx(1e-3 * signal, rel=0.03)


def camera(value=0.5, side=300, **options):
    """(pixels, 3) of the noise at a brightness."""
    noisy = camera_noise(even(value, side), 20, generator(), clip=False, **options)
    return (noisy - np.float32(value)) * 255


@pytest.mark.parametrize("correlation", [-0.4, 0.0, 0.6, 1.0])
@pytest.mark.parametrize("grain", [0.0, 0.7])
def test_camera_noise_has_its_strength_and_its_correlation_of_channels(correlation, grain):
    noise = camera(correlation=correlation, grain=grain).reshape(-1, 3)
    assert noise.mean() == pytest.approx(0, abs=0.3)
    np.testing.assert_allclose(noise.std(0), 20, rtol=0.03)
    expected = np.where(np.eye(3), 1, correlation)
    np.testing.assert_allclose(np.corrcoef(noise.T), expected, atol=0.03)


def test_mixed_channels_differ_in_strength_and_correlation_but_not_in_their_mean_variance():
    noise = camera(mixing=1.0).reshape(-1, 3)
    assert noise.var(0).mean() == pytest.approx(400, rel=0.03)
    correlations = np.corrcoef(noise.T)[[0, 0, 1], [1, 2, 2]]
    assert np.ptp(correlations) > 0.1
    assert np.ptp(noise.std(0)) > 1


@pytest.mark.parametrize("grain", [0.3, 0.7, 1.0])
def test_grain_is_smoothed_by_its_gaussian(grain):
    """A Gaussian's autocorrelation is a Gaussian of √2 its width, sampled at whole pixels."""
    noise = camera(grain=grain)
    line = np.exp(-0.5 * (np.arange(-9, 10) / grain) ** 2)
    expected = [(line[lag:] * line[: 19 - lag]).sum() / (line**2).sum() for lag in (1, 2)]
    for axis in (0, 1):
        moved = [np.roll(noise, lag, axis) for lag in (1, 2)]
        found = [(noise * other).mean() / noise.var() for other in moved]
        np.testing.assert_allclose(found, expected, atol=0.02)
    border = np.concatenate([noise[:2].ravel(), noise[:, -2:].ravel()])
    assert border.std() == pytest.approx(20, rel=0.05)


@pytest.mark.parametrize("tone", [-0.8, 0.0, 1.0])
def test_camera_noise_depends_on_the_tone(tone):
    for value in (0.1, 0.5, 0.9):
        expected = 400 * (1 + tone * (2 * value - 1))
        assert camera(value, tone=tone).var() == pytest.approx(expected, rel=0.03)


def test_camera_noise_as_training_draws_it():
    """Equal, independent and mixed channels, white and grainy noise, each often."""
    row, rng = DEGRADATIONS["camera_noise"], generator()
    draws = [
        row.couple({name: param.draw(rng, param.train) for name, param in row.params.items()})
        for _ in range(2000)
    ]
    equal = np.array([d["correlation"] == 1 for d in draws])
    alone = np.array([d["correlation"] == d["mixing"] == 0 for d in draws])
    white = np.array([d["grain"] == 0 for d in draws])
    assert equal.mean() == pytest.approx(1 / 3, abs=0.05)
    assert alone.mean() == pytest.approx(1 / 6, abs=0.05)
    assert white.mean() == pytest.approx(1 / 2, abs=0.05)
    assert not any(d["mixing"] for d, same in zip(draws, equal, strict=True) if same)
