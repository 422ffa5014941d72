"""What a whole picture looks like, small enough to be looked at for each of its windows.

Some degradation is a property of a scene. A pale wall and a street in haze may be the same hundred
pixels; which of the two it is, the whole picture tells.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 256
"""Rows and columns of a thumbnail."""

AIRLIGHT = 0.9
"""Brightness of haze without end, where nothing better is known."""

DARKEST = 0.6
"""A darkest pixel brighter than this says no more of the haze: it could be a sheet of paper."""


def thumbnail(images: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Means over a grid of cells that cover the picture, whatever its size and shape.

    Cell *i* of a side of *n* pixels covers those from ``⌊i·n / SIDE⌋`` up to
    ``⌈(i + 1)·n / SIDE⌉``, as in the frameworks' adaptive pooling.

    Args:
        images: ``(N, C, H, W)``.

    Returns:
        ``(N, C, SIDE, SIDE)`` of the same type.

    >>> thumbnail(np.ones((1, 3, 480, 640), np.float32)).shape
    (1, 3, 256, 256)
    """
    height, width = images.shape[2:]
    rows, columns = (_cells(side).astype(images.dtype) for side in (height, width))
    return np.asarray(rows @ images @ columns.T)


def veil(seen: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """How much of a haze could lie over a whole scene: ``1/t - 1`` of the least transmission t.

    In haze of even depth, ``I = J t + A (1 - t)``, no pixel is darker than ``A (1 - t)``. Clear
    pictures nearly always have something black in them, so that the darkest pixel tells t: the dark
    channel prior (He, Sun and Tang, CVPR 2009), over the whole picture instead of a patch. With it
    goes the inverse of the law: ``J = I + (1/t - 1) (I - A)``.

    Args:
        seen: a thumbnail, ``(N, C, SIDE, SIDE)``.

    Returns:
        ``(N, 1, 1, 1)``, from 0, of a picture with black in it, to 2, for an airlight of
        :data:`AIRLIGHT`.

    >>> veil(np.full((1, 3, 2, 2), 0.3)).round(6).item()
    0.5
    """
    darkest = seen.min(axis=(1, 2, 3), keepdims=True).clip(0, DARKEST)
    return np.asarray(darkest / (AIRLIGHT - darkest))


@lru_cache(maxsize=64)
def _cells(length: int) -> NDArray[np.float64]:
    """(SIDE, length): what each pixel of a side contributes to each cell."""
    cells = np.arange(SIDE)
    first, last = cells * length // SIDE, -(-(cells + 1) * length // SIDE)
    pixels = np.arange(length)
    inside = (first[:, None] <= pixels) & (pixels < last[:, None])
    return np.asarray(inside / inside.sum(1, keepdims=True))
