"""Noise and low light against the statistics of their models."""

from __future__ import annotations

import numpy as np
import pytest

from osr.degradations.dimming import low_light
from osr.degradations.linear_light import to_linear, to_srgb
from osr.degradations.noise import gaussian_noise, poisson_gaussian


def generator(seed=0):
    return np.random.default_rng(seed)


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
    image = generator().random((9, 8, 3), np.float32)
    np.testing.assert_array_equal(poisson_gaussian(image, 0, 0, generator()), image)
    np.testing.assert_allclose(poisson_gaussian(image, 1e-12, 0, generator()), image, atol=1e-6)
    np.testing.assert_allclose(low_light(image, 0, generator()), image, atol=1e-6)


def test_linear_light_is_that_of_the_standard():
    assert to_linear(even(0.5, 1))[0, 0, 0] == pytest.approx(0.21404, abs=1e-5)
    assert to_linear(even(0.04, 1))[0, 0, 0] == pytest.approx(0.04 / 12.92)
    ramp = np.linspace(0, 1, 300, dtype=np.float32).reshape(10, 10, 3)
    np.testing.assert_allclose(to_srgb(to_linear(ramp)), ramp, atol=1e-6)


def test_a_stop_halves_the_light_of_each_channel():
    image = generator().random((20, 20, 3), np.float32)
    dark = to_linear(low_light(image, 3, generator(), red=1.2, blue=0.5))
    np.testing.assert_allclose(dark, to_linear(image) * np.array([1.2, 1, 0.5]) / 8, atol=1e-6)


def test_gamma_acts_on_the_srgb_values():
    image = generator().random((20, 20, 3), np.float32)
    np.testing.assert_allclose(low_light(image, 0, generator(), gamma=2.5), image**2.5, atol=1e-5)


def test_noise_joins_after_the_dimming():
    dark = to_linear(low_light(even(0.8), 2, generator(), gain=1e-3))
    signal = to_linear(even(0.8, 1)).mean() / 4
    assert dark.mean() == pytest.approx(signal, rel=0.01)
    assert dark.var() == pytest.approx(1e-3 * signal, rel=0.03)
