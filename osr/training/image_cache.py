"""Decoded training images, kept in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray

from osr.datasets.item import Item, downscale
from osr.images import to_float
from osr_core.errors import ImageError

LIMIT = 1 << 30
"""Bytes that each process keeps."""


@cached(LRUCache(LIMIT, getsizeof=lambda array: array.nbytes))  # type: ignore[untyped-decorator]
def planes(item: Item, max_side: int) -> NDArray[Any]:
    """What a sample is cropped from, downscaled to ``max_side``.

    (H, W, 3) uint8: clean; (H, W, 6) uint8: degraded and clean; or (H, W, 4) float32: clean in
    [0, 1] and depth. Raises :class:`ImageError` if a file cannot be read, or sizes do not fit.
    """
    degraded, clean = item.load()
    depth = item.load_depth()
    small = downscale(clean, max_side)
    if degraded is not None:
        return np.concatenate((downscale(degraded, max_side), small), 2)
    if depth is None:
        return np.ascontiguousarray(small)
    if depth.shape != clean.shape[:2]:
        sizes = (f"{width} × {height}" for height, width in (depth.shape, clean.shape[:2]))
        raise ImageError(f"{item.depth}: {' pixels, but its image '.join(sizes)}")
    return np.dstack((to_float(small), downscale(depth, max_side)))
