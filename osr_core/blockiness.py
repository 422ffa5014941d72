"""Traces of JPEG in an image: how strong edges are at each offset of a grid of 8 pixels.

JPEG codes blocks of 8 × 8 pixels one by one, so that brightness jumps from block to block. In one
place such a jump is weaker than texture. In the mean over many blocks it stands out, since an image
has no other reason to have more edges at one offset than at the next (compare Fan and de Queiroz,
"Identification of bitmap compression history", IEEE TIP 2003).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.context import COUNT

PERIOD = 8
"""Side in pixels of a block."""

STRONGEST = 6 / 255
"""Upper bound of one edge: larger ones belong to the scene."""

CHANNELS = 2 * PERIOD
"""Channels of :func:`blockiness`."""

LUMA = 0.299, 0.587, 0.114
"""Weights of red, green and blue in JPEG's brightness (ITU-R BT.601)."""

FLAT = 0.1
"""Mean strength below which offsets are hardly compared: a tenth of an 8-bit level."""

CONTRAST = 5.0
"""Factor of :func:`blockiness`, so that visible blocks have one of about 1."""

JUMP = -1.0, 3.0, -3.0, 1.0
"""A third difference: large at a jump between the two pixels in the middle, 0 on a parabola."""


def blockiness(patches: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """How much stronger vertical and horizontal edges of images are at each offset than elsewhere.

    Args:
        patches: of N images, RGB in [0, 1], as :func:`osr_core.context.patches` returns them.

    Returns:
        ``(N, 16, 1, 1)``: of edges between columns *x* and *x + 1* for *x* = 0, 1, … 7 modulo 8,
        ``5 (s - m) / (m + 0.1)`` of their mean strength *s* in 8-bit levels and its mean *m* over
        all offsets; then the same of rows.

    >>> image = np.repeat([0.0, 0.1] * 4, 8) * np.ones((16, 3, 64, 1))
    >>> blockiness(image)[0, :8, 0, 0].round(1)
    array([ 8. , -4.8, -4.8, -4.8, -4.8, -4.8,  8. ,  8. ])
    """
    luma = (patches * np.asarray(LUMA, patches.dtype)[:, None, None]).sum(1)  # (16 N, P, P)
    parts = [_excess(luma), _excess(luma.swapaxes(1, 2))]
    return np.concatenate(parts, 1)[..., None, None]


def offsets() -> list[slice]:
    """Of a row of third differences, those whose edge is at each offset.

    The first difference belongs to the edge between the second and the third pixel.
    """
    return [slice((offset - 1) % PERIOD, None, PERIOD) for offset in range(PERIOD)]


def _excess(luma: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Of edges between columns, (N, 8)."""
    width = luma.shape[-1]
    jumps = sum(luma[..., i : i + width - 3] * luma.dtype.type(JUMP[i]) for i in range(4))
    levels = np.abs(jumps).clip(0, STRONGEST) * 255
    means = np.stack([levels[..., part].mean((1, 2)) for part in offsets()], 1)  # (16 N, 8)
    means = means.reshape(-1, COUNT, PERIOD).mean(1)
    mean = means.mean(1, keepdims=True)
    return np.asarray((means - mean) / (mean + FLAT) * CONTRAST, luma.dtype)
