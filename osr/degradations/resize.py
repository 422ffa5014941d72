"""Bicubic resampling as MATLAB's ``imresize`` defines it: the standard of super-resolution.

Benchmarks of super-resolution were made with ``imresize(..., 'bicubic')``, which widens its kernel
when it shrinks (antialiasing). Most libraries do not, or differ at the borders, which changes PSNR
by several tenths of a dB. Along one axis, from n to m pixels with ``s = m / n``, output pixel i is
centred on ``u = (i + 0.5) / s - 0.5`` and is the weighted mean of the input pixels j with weights
``k(u - j)``, normalised to the sum 1, where k is Keys' cubic convolution kernel with a = -0.5
(IEEE TASSP 29(6), 1981), stretched by 1/s when s < 1. The image is mirrored at its borders, border
pixels repeated.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from osr_core.checks import Image, check_image
from osr_core.errors import OptionError


def keys_cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -0.5; zero from ``|x| = 2`` on.

    >>> keys_cubic(np.array([0.0, 0.5, 1.0, 1.5, 2.0])).tolist()
    [1.0, 0.5625, 0.0, -0.0625, 0.0]
    """
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


@lru_cache(maxsize=512)
def bicubic_weights(source: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Indices of the input pixels that make each output pixel along one axis, and their weights.

    Both are of shape (taps, target), and read-only, since they are cached.
    """
    scale = target / source
    stretch = max(1.0, 1.0 / scale)
    centre = (np.arange(target) + 0.5) / scale - 0.5
    taps = math.ceil(4 * stretch) + 2
    j = np.floor(centre - 2 * stretch).astype(np.intp) + np.arange(taps)[:, None]
    weights = keys_cubic((centre - j) / stretch)
    weights /= weights.sum(axis=0)
    used = np.any(weights != 0, axis=1)  # the outermost taps are often empty
    j = np.mod(j[used], 2 * source)
    table = np.where(j < source, j, 2 * source - 1 - j), weights[used].astype(np.float32)
    for array in table:
        array.flags.writeable = False
    return table


def resize_bicubic(image: Image, size: tuple[int, int]) -> Image:
    """Resample to ``size`` = (height, width), each at least 1, as a new array.

    Equals MATLAB's ``imresize(image, [height width])`` for floating-point images: overshoot at
    edges is kept, so values may leave [0, 1] a little.

    >>> resize_bicubic(np.ones((6, 4, 3), np.float32), (3, 8)).shape
    (3, 8, 3)
    """
    check_image(image)
    if not all(isinstance(n, (int, np.integer)) and n >= 1 for n in size):
        raise OptionError(f"size must be two positive whole numbers (height, width), not {size}")
    height, width = size
    rows_first = height * image.shape[1] <= width * image.shape[0]  # the cheaper order
    for axis in (0, 1) if rows_first else (1, 0):
        image = _resample(image, axis, size[axis])
    return image


def _resample(image: Image, axis: int, target: int) -> Image:
    """Resample one axis: a weighted sum of shifted images, one for each tap of the kernel."""
    if image.shape[axis] == target:
        return image.copy()
    indices, weights = bicubic_weights(image.shape[axis], target)
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    total = image.take(indices[0], axis=axis) * weights[0].reshape(shape)
    for index, weight in zip(indices[1:], weights[1:], strict=True):
        total += image.take(index, axis=axis) * weight.reshape(shape)
    return total


def low_resolution(image: Image, scale: float) -> Image:
    """Shrink by ``scale`` and enlarge to the old size again, both bicubic; what SR networks get.

    Both images are clipped to [0, 1], as if stored in a file, but not rounded.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        scale: 1 (nothing happens) to 100, usually 2, 3 or 4; need not be whole. The small
            image has ceil(H / scale) rows and ceil(W / scale) columns.
    """
    height, width = check_image(image).shape[:2]
    small = resize_bicubic(image, (math.ceil(height / scale), math.ceil(width / scale)))
    return np.clip(resize_bicubic(np.clip(small, 0.0, 1.0), (height, width)), 0.0, 1.0)
