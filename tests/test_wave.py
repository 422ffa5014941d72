import numpy as np
import pytest

from osr_core import wave
from osr_core.errors import OptionError

SHAPE = (2, 3, 4, 5)


def _random(seed, dtype=np.float64):
    return np.random.default_rng(seed).normal(0, 2, SHAPE).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_there_and_back(dtype):
    amplitude, phase = np.abs(_random(0, dtype)), wave.wrap(_random(1, dtype))
    real, imaginary = wave.to_parts(amplitude, phase)
    assert real.dtype == imaginary.dtype == dtype
    back_amplitude, back_phase = wave.from_parts(real, imaginary)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(back_amplitude, amplitude, rtol=8 * eps)
    np.testing.assert_allclose(back_phase, phase, atol=8 * eps)


def test_negative_amplitude_is_half_a_turn():
    real, imaginary = wave.to_parts(np.array([-1.5]), np.array([0.3]))
    other = wave.to_parts(np.array([1.5]), np.array([0.3 + np.pi]))
    np.testing.assert_allclose((real, imaginary), other)


def test_wrap_keeps_the_wave_and_the_range():
    phase = _random(2) * 20
    wrapped = wave.wrap(phase)
    assert wrapped.min() >= -np.pi
    assert wrapped.max() < np.pi
    np.testing.assert_allclose(np.exp(1j * wrapped), np.exp(1j * phase), atol=1e-12)


def _numeric_vjp(function, x, y, grads, which, h=1e-6):
    """Central differences of Σ grads · function(x, y), element by element (it is pointwise)."""
    up = [x, y]
    down = [x, y]
    up[which], down[which] = up[which] + h, down[which] - h
    change = [(a - b) / (2 * h) for a, b in zip(function(*up), function(*down), strict=True)]
    return grads[0] * change[0] + grads[1] * change[1]


@pytest.mark.parametrize(
    ("function", "vjp"),
    [(wave.to_parts, wave.to_parts_vjp), (wave.from_parts, wave.from_parts_vjp)],
)
@pytest.mark.parametrize("which", [0, 1])
def test_closed_form_gradients(function, vjp, which):
    x, y, first, second = (_random(seed) for seed in range(4))
    numeric = _numeric_vjp(function, x, y, (first, second), which)
    np.testing.assert_allclose(vjp(x, y, first, second)[which], numeric, rtol=1e-5, atol=1e-6)


def test_gradient_of_a_still_wave_is_finite():
    zero, one = np.zeros(3), np.ones(3)
    for part in wave.from_parts_vjp(zero, zero, one, one):
        assert np.isfinite(part).all()


def test_errors():
    with pytest.raises(OptionError, match="differ"):
        wave.to_parts(np.zeros(2), np.zeros(3))
    with pytest.raises(OptionError, match="float32"):
        wave.to_parts(np.zeros(2, int), np.zeros(2, int))
