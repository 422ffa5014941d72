"""PSNR and SSIM of 8-bit pictures, several times faster than :mod:`osr.evaluation.metrics`.

The same figures (a test holds them together), made for a thread that runs beside a network: OpenCV
and NumPy release the interpreter's lock, filters run in float32 on values centred on zero, which
keeps the error of SSIM under 1e-5, and pictures are done in strips, so that one of a hundred
megapixels takes no more memory than a small one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.evaluation import metrics
from osr.evaluation.metrics import Convention, luma
from osr_core.errors import ImageError

_RADIUS = 5
_WINDOW = np.exp(-(np.arange(-_RADIUS, _RADIUS + 1) ** 2) / (2 * 1.5**2))
_WINDOW = (_WINDOW / _WINDOW.sum()).astype(np.float32)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_STRIP_PIXELS = 1 << 15  # of one channel; a dozen such arrays fit into a core's cache

Levels = NDArray[np.uint8]


def to_levels(image: NDArray[Any]) -> Levels:
    """An image as it would be stored: (H, W, 3) float in [0, 1], clipped and rounded to uint8."""
    if image.dtype == np.uint8:
        return image
    result = np.empty(image.shape, np.uint8)
    rows = max(1, _STRIP_PIXELS // image.shape[1])
    for top in range(0, len(image), rows):
        strip = image[top : top + rows].astype(np.float64)
        strip *= 255.0
        np.rint(strip, out=strip)
        result[top : top + rows] = np.clip(strip, 0.0, 255.0, out=strip)
    return result


def score(image: NDArray[Any], truth: Levels, convention: Convention) -> tuple[float, float]:
    """PSNR in dB (infinite for equal pictures) and SSIM of an image against its truth.

    Args:
        image: (H, W, 3) RGB, uint8 or float with 0 to 1 for black to white.
        truth: (H, W, 3) uint8.
        convention: what exactly is compared.

    Raises:
        ImageError: if the shapes differ, or under 11 pixels a side are left after cropping.
    """
    crop = convention.crop
    height, width = (side - 2 * crop for side in truth.shape[:2])
    unusual = image.shape != truth.shape or min(height, width) < len(_WINDOW)
    if unusual or not convention.quantised:
        # Rare: also finds the words for what is wrong.
        arguments = image, truth, convention
        return metrics.psnr(*arguments).value, metrics.ssim(*arguments).value
    if not np.isfinite(image).all():
        raise ImageError("the result holds values that are not finite numbers")
    inner = (slice(crop, crop + height), slice(crop, crop + width))
    error = similarity = 0.0
    channels = 1 if convention.channel == "y" else 3
    for a, b, rows in _strips(to_levels(image[inner]), truth[inner], convention):
        error += sum(_squared_error(p[:rows], q[:rows]) for p, q in zip(a, b, strict=True))
        if len(a[0]) >= len(_WINDOW):
            similarity += sum(_similarity(p, q) for p, q in zip(a, b, strict=True))
    mean_error = error / (channels * height * width)
    places = channels * (height - 2 * _RADIUS) * (width - 2 * _RADIUS)
    psnr = 10 * math.log10(255**2 / mean_error) if mean_error else math.inf
    return psnr, similarity / places


Planes = list[NDArray[np.float32]]


def _strips(a: Levels, b: Levels, convention: Convention) -> Iterator[tuple[Planes, Planes, int]]:
    """Strips as lists of channels centred on zero, and how many of their rows are new.

    Each strip but the last has ten rows more, which the next one begins with: so every place of
    the window is in exactly one of them.
    """
    height, width = a.shape[:2]
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        window = slice(top, min(height, top + step + 2 * _RADIUS))
        strips = [_planes(picture[window], convention) for picture in (a, b)]
        yield strips[0], strips[1], min(step, height - top)


def _planes(levels: Levels, convention: Convention) -> Planes:
    if convention.channel == "y":
        return [(np.rint(luma(levels)) - 128.0).astype(np.float32)]
    return [levels[..., c].astype(np.float32) - np.float32(128.0) for c in range(3)]


def _squared_error(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    # Whole numbers, added up in float64 by OpenCV: exact.
    return float(cv2.norm(a, b, cv2.NORM_L2SQR))


def _similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The sum of SSIM over the places where the window fits in."""
    mean_a, mean_b = _filter(a), _filter(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance = _filter(a * b) - product
    variances = _filter(a * a + b * b) - squares
    # Means are those of values moved by 128; variances do not mind.
    both = np.float32(128.0) * (mean_a + mean_b + np.float32(128.0))
    squares += np.float32(128.0) * (2 * (mean_a + mean_b) + np.float32(256.0))
    top = (2 * (product + both) + np.float32(_C1)) * (2 * covariance + np.float32(_C2))
    bottom = (squares + np.float32(_C1)) * (variances + np.float32(_C2))
    return float((top / bottom).sum(dtype=np.float64))


def _filter(channel: NDArray[np.float32]) -> NDArray[np.float32]:
    filtered = cv2.sepFilter2D(channel, -1, _WINDOW, _WINDOW)
    return filtered[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
