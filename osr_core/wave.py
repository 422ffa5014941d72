r"""Amplitude and phase of a feature, and the wave that they form.

A feature is a wave :math:`z = a e^{i\theta}`: its amplitude *a* carries content, its phase *θ*
carries degradation. A network takes its real and imaginary part, by Euler's formula

.. math:: x = a \cos\theta, \qquad y = a \sin\theta

(Jiang and Han, IEEE TIP 2024, arXiv 2403.05886; the amplitude/phase form of a token is from Tang
et al., Wave-MLP, CVPR 2022). As there, *a* may be negative: its sign is a phase shift of π.

These functions are the reference for the layers of both backends. They take and return NumPy
arrays of any shape, float32 or float64, and keep the type.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import OptionError

Array = NDArray[np.floating[Any]]


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
    if amplitude.dtype not in (np.float32, np.float64):
        raise OptionError(f"wave: expected float32 or float64, got {amplitude.dtype}")
    if (phase.shape, phase.dtype) != (amplitude.shape, amplitude.dtype):
        raise OptionError(
            f"wave: amplitude is {amplitude.dtype}{amplitude.shape}, "
            f"phase {phase.dtype}{phase.shape}; they must be alike"
        )
    return amplitude * np.cos(phase), amplitude * np.sin(phase)


def wrap(phase: Array) -> Array:
    """The same phase in [-π, π).

    >>> wrap(np.array([3 * np.pi / 2]))
    array([-1.57079633])
    """
    half = phase.dtype.type(np.pi)
    return np.mod(phase + half, 2 * half) - half
