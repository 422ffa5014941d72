"""Traces of JPEG in an image: how strong edges are at each offset of a grid of 8 pixels.

JPEG codes blocks of 8 × 8 pixels one by one, so that brightness jumps from block to block. In one
place such a jump is weaker than texture. In the mean over a cell of many blocks it stands out,
since an image has no other reason to have more edges at one offset than at the next (compare Fan
and de Queiroz, "Identification of bitmap compression history", IEEE TIP 2003).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PERIOD = 8
"""Side in pixels of a block."""

STRONGEST = 6 / 255
"""Upper bound of one edge: larger ones belong to the scene."""

CHANNELS = 2 * PERIOD
"""Channels of :func:`blockiness`."""

LUMA = 0.299, 0.587, 0.114
"""Weights of red, green and blue in JPEG's brightness (ITU-R BT.601)."""

JUMP = -1.0, 3.0, -3.0, 1.0
"""A third difference: large at a jump between the two pixels in the middle, 0 on a parabola."""


def blockiness(images: NDArray[np.floating[Any]], cell: int) -> NDArray[np.floating[Any]]:
    """Mean strength of vertical and horizontal edges at each offset, in 8-bit levels.

    Args:
        images: ``(N, 3, H, W)``, RGB in [0, 1]; sides are multiples of ``cell``.
        cell: side in pixels, a multiple of :data:`PERIOD`.

    Returns:
        ``(N, 16, H/cell, W/cell)`` from 0 to 6: of edges between columns *x* and *x + 1*, the mean
        over those with *x* = 0, 1, … 7 modulo 8, then the same of rows.

    >>> image = np.repeat([0.0, 0.1], 8)[None, None, None] * np.ones((1, 3, 16, 1))
    >>> blockiness(image, 16)[0, :8, 0, 0].round(1)
    array([3., 0., 0., 0., 0., 0., 3., 3.])
    """
    weights = np.asarray(LUMA, images.dtype)[:, None, None]
    luma = (images * weights).sum(1, keepdims=True)  # (N, 1, H, W)
    columns = _strengths(luma, cell)
    rows = _strengths(luma.swapaxes(2, 3), cell).swapaxes(2, 3)
    return np.concatenate((columns, rows), 1)


def _strengths(luma: NDArray[np.floating[Any]], cell: int) -> NDArray[np.floating[Any]]:
    """Of edges between columns, ``(N, 8, H/cell, W/cell)``."""
    n, _, height, width = luma.shape
    parts = (luma[..., i : i + width - 3] * luma.dtype.type(JUMP[i]) for i in range(4))
    strength = np.abs(sum(parts)).clip(0, STRONGEST) * 255
    strength = np.pad(strength, ((0, 0), (0, 0), (0, 0), (1, 2)))  # at the left of its edge
    blocks = strength.reshape(n, height // cell, cell, width // cell, cell // PERIOD, PERIOD)
    return np.asarray(blocks.mean((2, 4)).transpose(0, 3, 1, 2))
