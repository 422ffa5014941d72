import numpy as np
import pytest

from osr_core import wave

SHAPE = (2, 3, 4, 5)


def _random(seed, dtype=np.float64):
    return np.random.default_rng(seed).normal(0, 2, SHAPE).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_are_those_of_the_complex_number(dtype):
    amplitude, phase = np.abs(_random(0, dtype)), wave.wrap(_random(1, dtype))
    real, imaginary = wave.to_parts(amplitude, phase)
    assert real.dtype == imaginary.dtype == dtype
    number = real + 1j * imaginary
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(np.abs(number), amplitude, rtol=8 * eps)
    np.testing.assert_allclose(np.angle(number), phase, atol=8 * eps)


def test_a_negative_amplitude_is_a_phase_shift_of_pi():
    real, imaginary = wave.to_parts(np.array([-1.5]), np.array([0.3]))
    other = wave.to_parts(np.array([1.5]), np.array([0.3 + np.pi]))
    np.testing.assert_allclose((real, imaginary), other)


def test_wrap_keeps_the_wave_and_the_range():
    phase = _random(2) * 20
    wrapped = wave.wrap(phase)
    assert wrapped.min() >= -np.pi
    assert wrapped.max() < np.pi
    np.testing.assert_allclose(np.exp(1j * wrapped), np.exp(1j * phase), atol=1e-12)
