"""What rain, snow and raindrops share: many particles drawn at once, without a loop over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


def blocks(count: int, size: int) -> list[int]:
    """``count`` particles in blocks of ``size`` or at least 1, which bounds the memory.

    >>> blocks(7, 3)
    [3, 3, 1]
    """
    size = max(1, size)
    return [min(size, count - start) for start in range(0, count, size)]


def repeated(count: Indices) -> tuple[Indices, Indices]:
    """Each index as often as ``count`` says, and which of its repetitions it is.

    >>> repeated(np.array([1, 0, 3]))
    (array([0, 2, 2, 2]), array([0, 0, 1, 2]))
    """
    index = np.repeat(np.arange(len(count)), count)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)


def squares(
    y: NDArray[Any], x: NDArray[Any], side: Indices, shape: tuple[int, ...]
) -> tuple[Indices, Indices, Indices]:
    """Pairs (particle, pixel): the pixels of a square around each particle that are in the image.

    Args:
        y, x: centres of the particles, need not be whole, (count,).
        side: of each one's square in pixels; odd.
        shape: of the image, height first.

    Returns:
        Number of the particle, row and column of the pixel, each (pairs,).

    >>> squares(np.array([0.2]), np.array([1.0]), np.array([3]), (4, 2))[1:]
    (array([0, 0, 1, 1]), array([0, 1, 0, 1]))
    """
    # First row and column of each square, and their number, cut at the borders; none may be left.
    row, column = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
    half = side // 2
    top, left = np.maximum(row - half, 0), np.maximum(column - half, 0)
    rows = np.maximum(np.minimum(row + half + 1, shape[0]) - top, 0)
    columns = np.maximum(np.minimum(column + half + 1, shape[1]) - left, 0)
    particle, place = repeated(rows * columns)
    down, across = np.divmod(place, columns[particle])
    return particle, top[particle] + down, left[particle] + across
