r"""The wave function of a picture: amplitude and phase, real and imaginary part.

A feature is a wave :math:`z = a e^{i\theta}` whose amplitude *a* carries content and whose phase
*θ* carries degradation. Networks are fed on its two real coordinates, by Euler's formula

.. math:: x = a \cos\theta, \qquad y = a \sin\theta

(Jiang and Han, IEEE TIP 2024, arXiv 2403.05886; the amplitude/phase form of a token goes back to
Tang et al., Wave-MLP, CVPR 2022). As there, *a* may be negative: its sign is a phase shift of π.

These functions are the oracle for the layers of both backends. They take and return NumPy arrays
of any shape, float32 or float64, and keep the type.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import OptionError

Array = NDArray[np.floating[Any]]

CarriedOver = Literal["amplitude", "phase"]
"""What of a wave :func:`carry` takes from the original."""

MODULUS_FLOOR = 1e-3
"""Added in quadrature, so that the modulus has a gradient where the wave is 0."""


def to_parts(amplitude: Array, phase: Array) -> tuple[Array, Array]:
    """Real and imaginary part ``(a cos θ, a sin θ)`` of a wave.

    Args:
        amplitude: *a*, any real numbers.
        phase: *θ* in radians, same shape and type.

    Returns:
        The two parts, of the same shape and type.

    Raises:
        OptionError: if shapes or types differ, or the type is not float32 or float64.

    >>> real, imaginary = to_parts(np.array([2.0]), np.array([np.pi / 2]))
    >>> bool(abs(real[0]) < 1e-12), float(imaginary[0])
    (True, 2.0)
    """
    _check(amplitude, phase)
    return amplitude * np.cos(phase), amplitude * np.sin(phase)


def from_parts(real: Array, imaginary: Array) -> tuple[Array, Array]:
    """Amplitude ``√(x² + y²) ≥ 0`` and phase ``atan2(y, x)`` in (-π, π] of a wave.

    The inverse of :func:`to_parts` up to the sign of the amplitude and whole turns of the phase.

    Args:
        real: *x*.
        imaginary: *y*, same shape and type.

    Raises:
        OptionError: as :func:`to_parts`.

    >>> from_parts(np.array([0.0]), np.array([-3.0]))
    (array([3.]), array([-1.57079633]))
    """
    _check(real, imaginary)
    return np.hypot(real, imaginary), np.arctan2(imaginary, real)


def wrap(phase: Array) -> Array:
    """The same phase in [-π, π): full precision of a half-precision number needs a small one.

    >>> wrap(np.array([3 * np.pi / 2]))
    array([-1.57079633])
    """
    half = phase.dtype.type(np.pi)
    return np.mod(phase + half, 2 * half) - half


def modulus(real: Array, imaginary: Array) -> Array:
    """``√(x² + y² + 1e-6)``: the amplitude, with a gradient everywhere.

    >>> modulus(np.array([3.0, 0.0]), np.array([4.0, 0.0])).round(6).tolist()
    [5.0, 0.001]
    """
    _check(real, imaginary)
    return np.sqrt(real**2 + imaginary**2 + real.dtype.type(MODULUS_FLOOR**2))


def carry(
    keep: CarriedOver, wave: tuple[Array, Array], original: tuple[Array, Array]
) -> tuple[Array, Array]:
    """A changed wave with the amplitude, or the phase, of the original one.

    Args:
        keep: what is the original's; the other is the changed wave's.
        wave: real and imaginary part of the changed wave.
        original: those of the original, same shapes and type.

    Returns:
        Real and imaginary part. An unchanged wave comes back as it was.

    Raises:
        OptionError: as :func:`to_parts`.

    >>> one, three, zero = np.ones(1), np.full(1, 3.0), np.zeros(1)
    >>> real, imaginary = carry("amplitude", (zero, one), (three, zero))
    >>> real.round(3), imaginary.round(3)
    (array([0.]), array([3.]))
    """
    _check(*wave, *original)
    changed, source = modulus(*wave), modulus(*original)
    if keep == "amplitude":
        ratio = source / changed
        return wave[0] * ratio, wave[1] * ratio
    ratio = changed / source
    return original[0] * ratio, original[1] * ratio


def to_parts_vjp(
    amplitude: Array, phase: Array, grad_real: Array, grad_imaginary: Array
) -> tuple[Array, Array]:
    r"""Gradient of a loss by amplitude and phase, given its gradient by the two parts.

    .. math::
        \partial_a = \cos\theta\,\partial_x + \sin\theta\,\partial_y, \qquad
        \partial_\theta = a\,(\cos\theta\,\partial_y - \sin\theta\,\partial_x)

    Args:
        amplitude: *a*.
        phase: *θ* in radians.
        grad_real: ∂L/∂x.
        grad_imaginary: ∂L/∂y.

    Returns:
        ``(∂L/∂a, ∂L/∂θ)``.
    """
    _check(amplitude, phase, grad_real, grad_imaginary)
    cos, sin = np.cos(phase), np.sin(phase)
    return (
        cos * grad_real + sin * grad_imaginary,
        amplitude * (cos * grad_imaginary - sin * grad_real),
    )


def from_parts_vjp(
    real: Array, imaginary: Array, grad_amplitude: Array, grad_phase: Array
) -> tuple[Array, Array]:
    r"""Gradient of a loss by the two parts, given its gradient by amplitude and phase.

    .. math::
        \partial_x = \frac{x\,\partial_a}{a} - \frac{y\,\partial_\theta}{a^2}, \qquad
        \partial_y = \frac{y\,\partial_a}{a} + \frac{x\,\partial_\theta}{a^2}

    The phase of a wave of amplitude 0 is undefined; its gradient there is taken as 0.

    Args:
        real: *x*.
        imaginary: *y*.
        grad_amplitude: ∂L/∂a.
        grad_phase: ∂L/∂θ.

    Returns:
        ``(∂L/∂x, ∂L/∂y)``.
    """
    _check(real, imaginary, grad_amplitude, grad_phase)
    amplitude = np.hypot(real, imaginary)
    still = amplitude == 0
    inverse = np.where(still, 0, 1 / np.where(still, 1, amplitude)).astype(real.dtype)
    cos, sin = real * inverse, imaginary * inverse
    return (
        cos * grad_amplitude - sin * inverse * grad_phase,
        sin * grad_amplitude + cos * inverse * grad_phase,
    )


def _check(first: Array, *others: Array) -> None:
    if first.dtype not in (np.float32, np.float64):
        raise OptionError(f"wave: expected float32 or float64, got {first.dtype}")
    for other in others:
        if other.shape != first.shape or other.dtype != first.dtype:
            raise OptionError(
                f"wave: arrays differ: {first.dtype}{first.shape} and {other.dtype}{other.shape}"
            )
