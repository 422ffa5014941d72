"""Pixels around many points at once: how drops and flakes are drawn without a loop over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


def squares(
    y: NDArray[Any], x: NDArray[Any], side: Indices, shape: tuple[int, int]
) -> tuple[Indices, Indices, Indices]:
    """Pairs (point, pixel): the pixels of a square around each point, those in the image only.

    Args:
        y: rows of the points, need not be whole, (count,).
        x: columns of the points.
        side: of each one's square in pixels; odd.
        shape: height and width of the image.

    Returns:
        Number of the point, row and column of the pixel, each (pairs,).

    >>> squares(np.array([0.2]), np.array([1.0]), np.array([3]), (4, 2))[1:]
    (array([0, 0, 1, 1]), array([0, 1, 0, 1]))
    """
    height, width = shape
    # First and last row and column of each square, cut at the borders; none may be left.
    half = side // 2
    middle_row, middle_column = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
    top, bottom = np.maximum(middle_row - half, 0), np.minimum(middle_row + half + 1, height)
    left, right = np.maximum(middle_column - half, 0), np.minimum(middle_column + half + 1, width)
    rows, columns = np.maximum(bottom - top, 0), np.maximum(right - left, 0)
    count = rows * columns
    point = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
    down, across = np.divmod(place, columns[point])
    return point, top[point] + down, left[point] + across
