"""The context of a tile: a thumbnail of the whole image, and the haze in it.

A pale wall and a street in haze may be the same hundred pixels; only the rest of the image
distinguishes them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.pixels import pad_right, split_alpha, to_planes

_ROWS = 512  # of an image that are read at a time

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
    return np.asarray(rows @ images @ columns.T)


def thumbnail_of_rows(image: Any, height: int, width: int) -> NDArray[np.float32]:
    """The thumbnail of an image that is read by rows, ``(1, 3, SIDE, SIDE)``.

    Args:
        image: ``(H, W[, C])`` of any type, indexed by slices of rows; alpha is left out.
        height: up to which it is padded by reflection.
        width: likewise.
    """
    cells = _cells(height)
    result = np.zeros((3, SIDE, SIDE))
    for top in range(0, image.shape[0], _ROWS):
        bottom = top + _ROWS if top + 2 * _ROWS <= image.shape[0] else height
        colour = split_alpha(image[top : min(bottom, image.shape[0])])[0]
        planes = to_planes(pad_right(colour, bottom - top, width))[0]  # (3, rows, W)
        result += cells[:, top:bottom] @ (planes @ _cells(width).T.astype(np.float32))
        if bottom == height:
            break
    return result.astype(np.float32)[None]


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


@lru_cache(maxsize=2)  # of rows and columns; each takes 26 MB at 13,000 pixels
def _cells(length: int) -> NDArray[np.float64]:
    """(SIDE, length): the weight of each pixel of a side in each cell."""
    cells = np.arange(SIDE)
    first, last = cells * length // SIDE, -(-(cells + 1) * length // SIDE)
    pixels = np.arange(length)
    covered = (first[:, None] <= pixels) & (pixels < last[:, None])
    return np.asarray(covered / covered.sum(1, keepdims=True))
