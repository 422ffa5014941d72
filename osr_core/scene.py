"""What a whole picture looks like, small enough to be looked at for each of its windows.

Some damage is a property of a scene. A pale wall and a street in haze may be the same hundred
pixels; which of the two it is, the whole picture tells.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Rows and columns of a thumbnail."""


def thumbnail(images: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Means over a grid of cells that cover the picture, whatever its size and shape.

    Cell *i* of a side of *n* pixels covers those from ``⌊i·n / SIDE⌋`` up to
    ``⌈(i + 1)·n / SIDE⌉``, as in the frameworks' adaptive pooling.

    Args:
        images: ``(N, C, H, W)``.

    Returns:
        ``(N, C, SIDE, SIDE)`` of the same type.

    >>> thumbnail(np.ones((1, 3, 480, 640), np.float32)).shape
    (1, 3, 64, 64)
    """
    height, width = images.shape[2:]
    rows, columns = (_cells(side).astype(images.dtype) for side in (height, width))
    return np.asarray(rows @ images @ columns.T)


@lru_cache(maxsize=64)
def _cells(length: int) -> NDArray[np.float64]:
    """(SIDE, length): what each pixel of a side contributes to each cell."""
    cells = np.arange(SIDE)
    first, last = cells * length // SIDE, -(-(cells + 1) * length // SIDE)
    pixels = np.arange(length)
    inside = (first[:, None] <= pixels) & (pixels < last[:, None])
    return np.asarray(inside / inside.sum(1, keepdims=True))
