"""Restoring an array with a network of any backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.backend import Network
from osr_core.errors import ImageError
from osr_core.strips import Restoration
from osr_core.tiling import Overlap, Tiling

Image = NDArray[Any]


def restore(
    image: Image,
    network: Network,
    tile: int | None = None,
    on_progress: Callable[[float], object] | None = None,
    *,
    overlap: Overlap = "auto",
) -> Image:
    """A restored copy of an image.

    Args:
        image: ``(H, W)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB or ``(H, W, 4)``
            RGB and alpha; uint8, uint16, or float32/float64 in [0, 1].
        network: of any backend, for instance ``backends.load("osr-general")``.
        tile: largest side of the tiles, in pixels; ``None``: tiles of
            :func:`~.tiling.default_area`; 0: the whole image at once.
        on_progress: called after each tile with the fraction of the image that it covers.
        overlap: of the tiles, in pixels: ``auto``, what was measured for the network, verified
            while it computes; ``exact``, the halo, so that the result is that of the whole image.

    Returns:
        An array of the same shape and type. Grey stays grey; alpha, and the colours under fully
        transparent pixels, stay as they are.

    Raises:
        ImageError: if the array is no image or holds values that are not finite.
        OptionError: if the tile is too small for the network, or the network depends on the whole
            image (global statistics, unknown halo), which is larger than a tile.
        OutputError: if the network returns values that are not finite.
        MemoryError: or the framework's own error, if the memory does not suffice.
    """
    _check(image)
    result = np.empty_like(image)
    top = 0
    for strip in Restoration(image, network, Tiling(tile, overlap=overlap), on_progress):
        result[top : top + len(strip)] = strip
        top += len(strip)
    return result


def _check(image: Image) -> None:
    if not isinstance(image, np.ndarray):
        raise ImageError(f"image: expected a NumPy array, got {type(image).__name__}")
    grey = image.ndim == 2
    if not grey and not (image.ndim == 3 and image.shape[2] in (2, 3, 4)):
        raise ImageError(f"image: expected (H, W) or (H, W, 2 to 4), got shape {image.shape}")
    if 0 in image.shape:
        raise ImageError(f"image: has no pixels: shape {image.shape}")
    if image.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise ImageError(f"image: expected uint8, uint16 or float in [0, 1], got {image.dtype}")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ImageError("image: holds values that are not finite")
