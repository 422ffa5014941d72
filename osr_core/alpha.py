"""Colours under fully transparent pixels, which must not influence the visible ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]


def fill_hidden(colour: Image, hidden: NDArray[np.bool_]) -> Image:
    """The image with each hidden pixel replaced by a mean of visible ones near it.

    The mean is that of the smallest block of a pyramid (2×2, 4×4, …) around the pixel that holds
    a visible one. Without a visible pixel the image is black.

    Args:
        colour: ``(H, W, C)`` of any type.
        hidden: ``(H, W)``.

    >>> fill_hidden(np.array([[[10.0], [99.0], [30.0]]]), np.array([[False, True, False]])).ravel()
    array([10., 10., 30.])
    """
    weight = (~hidden[..., None]).astype(np.float32)
    filled = _fill(np.where(hidden[..., None], 0, colour).astype(np.float32), weight)
    if colour.dtype.kind != "f":
        filled = np.rint(filled)
    return np.where(hidden[..., None], filled.astype(colour.dtype), colour)


def _fill(total: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, C) sums of visible pixels and their (H, W, 1) number → means, of no pixels filled."""
    mean = total / np.maximum(weight, 1)
    empty = weight[..., 0] == 0
    if empty.any() and empty.size > 1:
        coarse = _fill(_halve(total), _halve(weight)).repeat(2, 0).repeat(2, 1)
        mean[empty] = coarse[: mean.shape[0], : mean.shape[1]][empty]
    return mean


def _halve(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over blocks of 2×2."""
    height, width, channels = values.shape
    padded = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    blocks = padded.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, channels)
    return np.asarray(blocks.sum((1, 3)))
