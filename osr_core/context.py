"""The context of a tile: a thumbnail of the whole image, patches of it, and the haze in it.

A pale wall and a street in haze may be the same hundred pixels; only the rest of the image
distinguishes them. Of noise and JPEG a thumbnail shows nothing: patches at full resolution do.
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

PATCH = 64
"""Rows and columns of a patch, a multiple of JPEG's blocks of 8."""

ACROSS = SIDE // PATCH
"""Patches along each side of a mosaic."""

COUNT = ACROSS**2
"""Patches of an image."""

INPUTS = {3: "thumbnail", 6: "context"}
"""Name of the input of exported networks that takes the context, by its channels."""

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


def mosaic(images: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Patches of images side by side, ``(N, C, H, W)`` → ``(N, C, SIDE, SIDE)``.

    They are evenly spaced and start at multiples of 8 pixels; in an image of SIDE × SIDE they are
    the image. Behind the edge of a small image its last pixels are repeated.

    >>> mosaic(np.ones((1, 3, 480, 640), np.float32)).shape
    (1, 3, 256, 256)
    """
    rows, columns = (mosaic_indices(side) for side in images.shape[2:])
    return images[:, :, rows][..., columns]


def mosaic_indices(length: int) -> NDArray[np.int64]:
    """The pixel of a side of each row or column of :func:`mosaic`, ``(SIDE,)``."""
    starts = np.arange(ACROSS) * max(length - PATCH, 0) // (ACROSS - 1) // 8 * 8
    return np.ravel(starts[:, None] + np.arange(PATCH)).clip(max=length - 1)


def patches(mosaic: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The patches of mosaics one by one: ``(N, C, SIDE, SIDE)`` → ``(16 N, C, PATCH, PATCH)``."""
    n, channels = mosaic.shape[:2]
    parts = mosaic.reshape(n, channels, ACROSS, PATCH, ACROSS, PATCH)
    return parts.transpose(0, 2, 4, 1, 3, 5).reshape(-1, channels, PATCH, PATCH)


def context_of(images: NDArray[np.floating[Any]], channels: int) -> NDArray[np.floating[Any]]:
    """The context of whole images: of 3 channels the thumbnail, of 6 the mosaic, too.

    >>> context_of(np.ones((1, 3, 480, 640), np.float32), 6).shape
    (1, 6, 256, 256)
    """
    small = thumbnail(images)
    return small if channels == 3 else np.concatenate((small, mosaic(images)), 1)


def context_of_rows(image: Any, height: int, width: int, channels: int) -> NDArray[np.float32]:
    """:func:`context_of` of an image that is read by rows; as :func:`thumbnail_of_rows`."""
    small = thumbnail_of_rows(image, height, width)
    if channels == 3:
        return small
    bands = []
    for rows in mosaic_indices(height).reshape(ACROSS, PATCH):
        band = _padded_rows(image, rows[0], rows[-1] + 1, width)
        bands.append(band[rows - rows[0]][:, mosaic_indices(width)])
    joined = np.broadcast_to(np.concatenate(bands), (SIDE, SIDE, 3))
    return np.concatenate((small, _scaled(joined, image.dtype)), 1)


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
    return _scaled(result, image.dtype)


def _scaled(pixels: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.float32]:
    """Pixels of a type, (H, W, C) → (1, C, H, W) in [0, 1]."""
    scale = 1 if dtype.kind == "f" else np.iinfo(dtype).max
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] / np.float32(scale), np.float32)


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
