r"""Amplitude and phase of a feature, and the wave that they form.

A feature is a wave :math:`z = a e^{i\theta}`: its amplitude *a* carries content, its phase *θ*
carries degradation. A network takes its real and imaginary part, by Euler's formula

.. math:: x = a \cos\theta, \qquad y = a \sin\theta

(Jiang and Han, IEEE TIP 2024, arXiv 2403.05886; the amplitude/phase form of a token is from Tang
et al., Wave-MLP, CVPR 2022). As there, *a* may be negative: its sign is a phase shift of π.

These functions are the reference for the layers of both backends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def to_parts(amplitude: Array, phase: Array) -> tuple[Array, Array]:
    """Real and imaginary part ``(a cos θ, a sin θ)`` of a wave.

    All four have one shape and type, float32 or float64; *θ* is in radians.

    >>> real, imaginary = to_parts(np.array([2.0]), np.array([np.pi / 2]))
    >>> bool(abs(real[0]) < 1e-12), float(imaginary[0])
    (True, 2.0)
    """
    return amplitude * np.cos(phase), amplitude * np.sin(phase)


def wrap(phase: Array) -> Array:
    """The same phase in [-π, π).

    >>> wrap(np.array([3 * np.pi / 2]))
    array([-1.57079633])
    """
    half = phase.dtype.type(np.pi)
    return np.mod(phase + half, 2 * half) - half
