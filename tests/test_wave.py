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


def _far(seed, dtype=np.float64):
    """A wave of amplitudes from 1 up, far from the modulus's floor."""
    amplitude, phase = 1 + np.abs(_random(seed, dtype)), _random(seed + 1, dtype)
    return wave.to_parts(amplitude, phase)


def test_the_modulus_is_the_amplitude_but_for_a_floor():
    real, imaginary = _random(0), _random(1)
    np.testing.assert_allclose(wave.modulus(*_far(0)), np.hypot(*_far(0)), rtol=1e-6)
    above = wave.modulus(real, imaginary) - np.hypot(real, imaginary)
    assert 0 < above.min() < above.max() <= wave.MODULUS_FLOOR
    zero = np.zeros(3, np.float32)
    floor = wave.modulus(zero, zero)
    assert floor.dtype == np.float32
    np.testing.assert_allclose(floor, wave.MODULUS_FLOOR, rtol=1e-6)


both_kept = pytest.mark.parametrize("keep", ["amplitude", "phase"])


@both_kept
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_unchanged_wave_is_carried_to_the_bit(keep, dtype):
    parts = _random(0, dtype), _random(1, dtype)
    for got, part in zip(wave.carry(keep, parts, parts), parts, strict=True):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, part)


@both_kept
def test_one_quantity_is_the_originals_and_the_other_the_changed_waves(keep):
    changed, original = _far(0), _far(2)
    amplitude, phase = wave.from_parts(*wave.carry(keep, changed, original))
    amplitudes, phases = zip(*(wave.from_parts(*w) for w in (changed, original)), strict=True)
    kept = keep == "amplitude"
    np.testing.assert_allclose(amplitude, amplitudes[kept], rtol=1e-6)
    np.testing.assert_allclose(phase, phases[not kept], atol=1e-12)
    assert np.abs(amplitudes[0] - amplitudes[1]).max() > 1
    assert np.abs(phases[0] - phases[1]).max() > 1


@both_kept
def test_a_negative_amplitude_is_kept_as_half_a_turn(keep):
    """Amplitudes have a sign here, moduli none: what is kept is the modulus or the direction."""
    original = wave.to_parts(np.array([-2.0]), np.array([0.3]))
    changed = wave.to_parts(np.array([5.0]), np.array([1.0]))
    expected = (2.0, 1.0) if keep == "amplitude" else (-5.0, 0.3)
    carried = wave.carry(keep, changed, original)
    np.testing.assert_allclose(carried, wave.to_parts(*np.array(expected)[:, None]), rtol=1e-6)


@both_kept
def test_a_still_wave_is_carried_as_numbers(keep):
    still, moved = (np.zeros(SHAPE), np.zeros(SHAPE)), _far(0)
    for one, other in ((still, moved), (moved, still), (still, still)):
        parts = wave.carry(keep, one, other)
        # What has no direction stays still; what has one goes as far as the floor.
        assert np.hypot(*parts).max() <= wave.MODULUS_FLOOR


def test_errors():
    with pytest.raises(OptionError, match="differ"):
        wave.to_parts(np.zeros(2), np.zeros(3))
    with pytest.raises(OptionError, match="float32"):
        wave.to_parts(np.zeros(2, int), np.zeros(2, int))
    two, three = (np.zeros(2), np.zeros(2)), (np.zeros(1), np.zeros(1))
    with pytest.raises(OptionError, match="differ"):
        wave.carry("phase", two, three)
