"""The context of a tile: a thumbnail of the whole image, and the haze in it.

A pale wall and a street in haze may be the same hundred pixels; only the rest of the image
distinguishes them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.pixels import pad_right, split_alpha

_PIXELS = 1 << 23  # of an image that are read at a time

SIDE = 256
"""Rows and columns of a thumbnail."""

AIRLIGHT = 0.9
"""Prior of the airlight: the brightness of infinitely deep haze."""

DARKEST_MAX = 0.6
"""Upper bound of the darkest pixel: a brighter one may be a sheet of paper instead of haze."""


def thumbnail(images: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Adaptive mean pooling as in the frameworks, ``(N, C, H, W)`` → ``(N, C, SIDE, SIDE)``.

    Cell *i* of a side of *n* pixels covers those from ``⌊i·n / SIDE⌋`` up to
    ``⌈(i + 1)·n / SIDE⌉``.

    >>> thumbnail(np.ones((1, 3, 480, 640), np.float32)).shape
    (1, 3, 256, 256)
    """
    height, width = images.shape[2:]
    rows, columns = (_cells(side).astype(images.dtype) for side in (height, width))
    # Channels may be last in memory, of which NumPy multiplies without BLAS.
    return np.asarray(rows @ np.ascontiguousarray(images) @ columns.T)


def thumbnail_of_rows(image: Any, height: int, width: int) -> NDArray[np.float32]:
    """The thumbnail of an image that is read by rows, ``(1, 3, SIDE, SIDE)``.

    Args:
        image: ``(H, W[, C])`` of any type, indexed by slices of rows; alpha is left out.
        height: up to which it is padded by reflection.
        width: likewise.
    """
    rows, columns = _bounds(height), _bounds(width)
    means = np.empty((SIDE, width, 3), np.float32)  # of the rows of each cell
    first = 0
    while first < SIDE:
        last, top = first + 1, rows[first, 0]
        while last < SIDE and (rows[last, 1] - top) * width <= _PIXELS:
            last += 1
        band = _padded_rows(image, top, rows[last - 1, 1], width)
        for cell in range(first, last):
            start, stop = rows[cell] - top
            means[cell] = band[start:stop].mean(0, dtype=np.float32)
        first = last
    result = np.stack([means[:, start:stop].mean(1) for start, stop in columns], 1)  # (S, S, 3)
    scale = 1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
    return np.ascontiguousarray(result.transpose(2, 0, 1)[None] / np.float32(scale))


def _padded_rows(image: Any, top: int, bottom: int, width: int) -> NDArray[Any]:
    """Rows (H, W, 1 or 3) of an image that is padded by reflection below and at the right."""
    below = max(0, bottom - image.shape[0])
    first = max(0, min(top, image.shape[0] - 1 - below))  # from which on they are reflected
    colour = split_alpha(image[first : min(bottom, image.shape[0])])[0]
    return np.atleast_3d(pad_right(colour, bottom - first, width)[top - first :])


def haze_amount(thumbnail: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Upper bound of the haze that covers the whole image: ``1/t - 1`` of its transmission *t*.

    In haze of even depth, ``I = J t + A (1 - t)``, no pixel is darker than ``A (1 - t)``. Clear
    images nearly always contain something black, so the darkest pixel gives *t*: the dark channel
    prior (He, Sun and Tang, CVPR 2009), over the whole image instead of a patch. The model is
    inverted by ``J = I + (1/t - 1) (I - A)``.

    Of ``(N, C, SIDE, SIDE)`` it is ``(N, 1, 1, 1)``, from 0, if the image contains black, to 2.

    >>> haze_amount(np.full((1, 3, 2, 2), 0.3)).round(6).item()
    0.5
    """
    darkest = thumbnail.min(axis=(1, 2, 3), keepdims=True).clip(0, DARKEST_MAX)
    return np.asarray(darkest / (AIRLIGHT - darkest))


def _bounds(length: int) -> NDArray[np.int64]:
    """(SIDE, 2): the first pixel of each cell of a side, and the one behind the last."""
    cells = np.arange(SIDE)
    return np.stack((cells * length // SIDE, -(-(cells + 1) * length // SIDE)), 1)


@lru_cache(maxsize=2)  # of rows and columns
def _cells(length: int) -> NDArray[np.float64]:
    """(SIDE, length): the weight of each pixel of a side in each cell."""
    first, last = _bounds(length).T[..., None]
    pixels = np.arange(length)
    covered = (first <= pixels) & (pixels < last)
    return np.asarray(covered / covered.sum(1, keepdims=True))
