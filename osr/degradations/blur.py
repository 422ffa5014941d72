"""Gaussian blur, defocus and motion blur.

Lens and motion blur act on linear light, as in a camera: on the motion blur of REDS (Nah et al.,
CVPR workshops 2019), one kernel an image explains 2 dB more of it in linear light than on sRGB
values. Kernels sum to 1; the image is mirrored at its borders without repeating the border pixel.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.degradations.depth import Depth
from osr.degradations.draws import Generator, Ranges
from osr.degradations.noise import to_linear, to_srgb
from osr_core.checks import Image, check_image

Kernel = NDArray[np.float32]


def gaussian_blur(image: Image, sigma: float) -> Image:
    """Blur the sRGB values, as is usual.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        sigma: standard deviation in pixels, 0 to 50.
    """
    check_image(image)
    if sigma == 0:
        return image.copy()
    side = 2 * math.ceil(4 * sigma) + 1
    return np.clip(cv2.GaussianBlur(image, (side, side), sigma), 0.0, 1.0)


def defocus_blur(image: Image, radius: float) -> Image:
    """Spread the light over an anti-aliased disc, as a lens out of focus does.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        radius: of the disc in pixels, 0 to 50; up to 0.5 it is one pixel and nothing happens.
    """
    half = math.ceil(max(0.0, radius - 0.5))
    offset = np.arange(-half, half + 1, dtype=np.float64)
    disc = np.clip(radius + 0.5 - np.hypot(offset[:, None], offset), 0.0, 1.0)
    return _blur(image, (disc / disc.sum()).astype(np.float32))


def motion_blur(image: Image, length: float, angle: float) -> Image:
    """Blur of a straight, even motion during the exposure.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        length: of the motion in pixels, 0 to 100; 0 leaves the image as it is.
        angle: in degrees, 0 along a row, 90 along a column.
    """
    turn = math.radians(angle)
    t = np.linspace(-0.5, 0.5, path_samples(length)) * length
    return _blur(image, path_kernel(t * math.cos(turn), t * math.sin(turn)))


def shake_blur(image: Image, length: float, rng: Generator) -> Image:
    """Blur of a hand-held camera: a smooth random path.

    The heading follows Brownian motion, by about 90° over the exposure, and the speed varies,
    after the idea of Delbracio and Sapiro (CVPR 2015) and Levin et al. (CVPR 2009).

    Args:
        image: (H, W, 3) float32 in [0, 1].
        length: of the path in pixels, 0 to 100.
        rng: source of the path.
    """
    n = path_samples(length)
    heading = rng.uniform(0.0, 2 * math.pi)
    heading = heading + np.cumsum(rng.standard_normal(n)) * (0.5 * math.pi / math.sqrt(n))
    speed = np.exp(0.6 * np.sin(2 * math.pi * (np.arange(n) / n + rng.uniform())))
    speed *= length / speed.sum()
    x, y = np.cumsum(speed * np.cos(heading)), np.cumsum(speed * np.sin(heading))
    return _blur(image, path_kernel(x, y))


def sample_blur(image: Image, rng: Generator, depth: Depth | None, of: Ranges) -> Image:
    """Gaussian, disc, straight or shaken motion, equally often; the last two share ``length``."""
    kind = rng.integers(4)
    if kind == 0:
        return gaussian_blur(image, rng.uniform(*of["sigma"]))
    if kind == 1:
        return defocus_blur(image, rng.uniform(*of["radius"]))
    if kind == 2:
        return motion_blur(image, rng.uniform(*of["length"]), rng.uniform(*of["angle"]))
    return shake_blur(image, rng.uniform(*of["length"]), rng)


def path_samples(length: float) -> int:
    """How many points a path of ``length`` pixels needs: at least four to a pixel."""
    return 4 * math.ceil(length) + 8


def path_kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> Kernel:
    """(side, side) float32 kernel of a path; each point is spread over four pixels (bilinear).

    The path is moved so that its mean lies in the centre: blur must not shift the image.
    """
    x, y = x - x.mean(), y - y.mean()
    half = math.ceil(max(np.abs(x).max(), np.abs(y).max()))
    side = 2 * half + 2
    left, top = np.floor(x), np.floor(y)
    right_weight, lower_weight = x - left, y - top
    index = ((top + half) * side + left + half).astype(np.intp)
    kernel = np.zeros(side * side)
    for down, row_weight in ((0, 1 - lower_weight), (1, lower_weight)):
        for across, weight in ((0, 1 - right_weight), (1, right_weight)):
            kernel += np.bincount(index + down * side + across, row_weight * weight, side * side)
    odd = kernel.reshape(side, side)[: side - 1, : side - 1]  # the last row and column are empty
    return (odd / len(x)).astype(np.float32)


def convolve(image: NDArray[np.float32], kernel: Kernel) -> NDArray[np.float32]:
    """Convolution of (H, W) or (H, W, C); OpenCV's ``filter2D`` is a correlation."""
    return np.asarray(cv2.filter2D(image, -1, np.ascontiguousarray(kernel[::-1, ::-1])))


def _blur(image: Image, kernel: Kernel) -> Image:
    """Convolution in linear light."""
    check_image(image)
    if kernel.max() == 1.0:  # nothing but its centre
        return image.copy()
    return np.clip(to_srgb(convolve(to_linear(image), kernel)), 0.0, 1.0)
