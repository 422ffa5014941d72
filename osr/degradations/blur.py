"""Blur of a lens out of focus, of a moving camera, and the plain Gaussian one.

Lens and motion blur linear light, as a camera does: on the motion blur of REDS (Nah et al., CVPR
workshops 2019), one kernel an image explains 2 dB more of it in linear light than on sRGB values
(measured with ``examples/fit_blur.py`` of release 0.1.0). The Gaussian blurs the values themselves,
as is the custom where it stands for unsharpness in general.

All kernels sum to 1 and the image is mirrored at its borders (the border pixel not repeated),
so that an even image stays as it is and values stay within [0, 1].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from osr.degradations.linear_light import to_linear, to_srgb
from osr_core.checks import Image, check_image, check_range

Kernel = NDArray[np.float32]


def gaussian_blur(image: Image, sigma: float) -> Image:
    """Convolve with a Gaussian.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        sigma: standard deviation in pixels, 0 to 50.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32.
        OptionError: if ``sigma`` leaves its range.
    """
    import cv2

    check_image(image)
    check_range("sigma", sigma, 0.0, 50.0)
    if sigma == 0:
        return image.copy()
    side = 2 * math.ceil(4 * sigma) + 1
    blurred = cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.clip(blurred, 0.0, 1.0)


def defocus_blur(image: Image, radius: float) -> Image:
    """Spread the light over an anti-aliased disc, as a lens out of focus does.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        radius: of the disc in pixels, 0 to 50; up to 0.5 it is one pixel and nothing happens.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32.
        OptionError: if ``radius`` leaves its range.
    """
    return _convolve(image, disc_kernel(radius))


def motion_blur(image: Image, length: float, angle: float) -> Image:
    """Blur of a straight, even motion during the exposure.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        length: of the motion in pixels, 0 to 100; 0 leaves the image as it is.
        angle: in degrees, 0 along a row, 90 along a column.

    Raises:
        ImageError: if ``image`` is not such an array.
        OptionError: if ``length`` leaves its range.
    """
    check_range("length", length, 0.0, 100.0)
    turn = math.radians(angle)
    t = np.linspace(-0.5, 0.5, path_samples(length)) * length
    return _convolve(image, path_kernel(t * math.cos(turn), t * math.sin(turn)))


def shake_blur(image: Image, length: float, rng: np.random.Generator) -> Image:
    """Blur of a hand-held camera: a smooth random path.

    The heading wanders as Brownian motion, by about 90° over the exposure, and the speed varies,
    after the idea of Delbracio and Sapiro (CVPR 2015) and Levin et al. (CVPR 2009).

    Args:
        image: (H, W, 3) float32 in [0, 1].
        length: of the path in pixels, 0 to 100.
        rng: source of the path.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32.
        OptionError: if ``length`` leaves its range.
    """
    check_range("length", length, 0.0, 100.0)
    n = path_samples(length)
    heading = rng.uniform(0.0, 2 * math.pi)
    heading = heading + np.cumsum(rng.standard_normal(n)) * (0.5 * math.pi / math.sqrt(n))
    speed = np.exp(0.6 * np.sin(2 * math.pi * (np.arange(n) / n + rng.uniform())))
    speed *= length / speed.sum()
    return _convolve(
        image, path_kernel(np.cumsum(speed * np.cos(heading)), np.cumsum(speed * np.sin(heading)))
    )


def disc_kernel(radius: float) -> Kernel:
    """(side, side) float32 disc that sums to 1, with anti-aliased rim."""
    check_range("radius", radius, 0.0, 50.0)
    half = math.ceil(max(0.0, radius - 0.5))
    offset = np.arange(-half, half + 1, dtype=np.float64)
    distance = np.hypot(offset[:, None], offset)
    kernel = np.clip(radius + 0.5 - distance, 0.0, 1.0)
    return (kernel / kernel.sum()).astype(np.float32)


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


def _convolve(image: Image, kernel: Kernel) -> Image:
    import cv2

    check_image(image)
    if kernel.max() == 1.0:  # nothing but its centre
        return image.copy()
    # filter2D correlates: the kernel is turned round to make it the convolution of the formula.
    turned = np.ascontiguousarray(kernel[::-1, ::-1])
    light = cv2.filter2D(to_linear(image), -1, turned, borderType=cv2.BORDER_REFLECT_101)
    return np.clip(to_srgb(light), 0.0, 1.0)
