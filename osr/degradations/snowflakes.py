"""Synthetic falling snow: translucent flakes of several sizes, drawn out by their fall."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from osr.degradations._squares import squares
from osr.degradations.blur import Kernel, path_kernel, path_samples
from osr_core.checks import Image, check_image

_LAYERS = (0.4, 0.7, 1.0, 1.5, 2.4)
"""Bounds of the layers, from far to near: diameters relative to the typical one."""

_FLATTEST = 0.75
"""Square root of the ratio of the axes of the flattest flakes."""

_BLOCK = 1_000_000  # pixels of flakes drawn at once: bounds the memory for large images


def snow(
    image: Image,
    rng: np.random.Generator,
    density: float,
    size: float,
    length: float = 6.0,
    angle: float = 0.0,
    *,
    spread: float = 12.0,
    opacity: float = 0.9,
    brightness: float = 0.95,
    mist: float = 0.0,
) -> Image:
    """White flakes before mist: ``J (1 - z) (1 - mist)`` and for the rest white.

    Blending by a mask z, and flakes of several sizes, shapes and paths, follow Snow100K (Liu et
    al., IEEE TIP 27(6), 2018); the mist of flakes too far away to be seen follows SRRS (Chen et
    al., ECCV 2020).

    Args:
        image: J, (H, W, 3) float32 in [0, 1].
        rng: source of the flakes.
        density: flake area per image area, counted with overlap and before motion draws the
            flakes out; 0 to 2.
        size: typical diameter in pixels, 0.5 to 60; single ones have 0.4 to 2.4 times that.
        length: of a typical flake's motion during the exposure in pixels, 0 to 200; that of near
            (large) flakes is longer, in proportion to their size.
        angle: direction of fall against the vertical, -75 to 75; positive leans to the right on
            the way down.
        spread: standard deviation of the angle among the layers, 0 to 60.
        opacity: of the most opaque flakes, 0 to 1; single ones have 0.4 to 1 of it.
        brightness: of flakes and mist, 0 to 1.
        mist: share of the light that comes from the mist, 0 to 1.

    Returns:
        (H, W, 3) float32 in [0, 1].

    Raises:
        ImageError: if ``image`` is not such an array.
    """
    check_image(image)
    clear = snow_flakes(image.shape, rng, density, size, length, angle, spread)
    clear *= np.float32(-opacity)
    clear += 1.0
    clear *= np.float32(1.0 - mist)  # 1 - z of flakes and mist together: both are equally bright
    result = image - np.float32(brightness)
    result *= clear[:, :, None]
    result += np.float32(brightness)
    return np.clip(result, 0.0, 1.0, out=result)


def snow_flakes(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    density: float,
    size: float,
    length: float = 6.0,
    angle: float = 0.0,
    spread: float = 12.0,
) -> NDArray[np.float32]:
    """The mask z of :func:`snow` at full opacity: (H, W) float32, 0 where no flake is.

    Four layers of equal density, from far and small to near and large: each a Poisson number of
    ellipses with a more or less soft rim at uniform places, also beyond the border. A layer moves
    along one slightly bent path, and a pixel is as opaque as long as a flake covers it. Where
    flakes overlap, they add up to at most 1.
    """
    mask = np.zeros(shape[:2], np.float32)
    for low, high in pairwise(_LAYERS):
        factor = math.sqrt(low * high)
        tilt = math.radians(np.clip(angle + spread * rng.standard_normal(), -90.0, 90.0))
        kernel = _fall(length * factor, tilt, 0.15 * rng.standard_normal())
        mask += _layer(shape, rng, 0.25 * density, (low * size, high * size), kernel)
    return np.minimum(mask, 1.0, out=mask)


def _fall(length: float, tilt: float, bend: float) -> Kernel:
    """Kernel of a parabola whose middle is aside by ``bend`` times half its length."""
    t = np.linspace(-1.0, 1.0, path_samples(length))
    along, aside = 0.5 * length * t, 0.5 * length * bend * (1.0 - t**2)
    cos, sin = math.cos(tilt), math.sin(tilt)
    return path_kernel(along * sin + aside * cos, along * cos - aside * sin)


def _layer(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    density: float,
    diameters: tuple[float, float],
    kernel: Kernel,
) -> NDArray[np.float32]:
    """Flakes drawn still, on a canvas with room for those from beyond the border, and moved."""
    import cv2

    height, width = shape[:2]
    margin = len(kernel) // 2 + math.ceil(diameters[1])
    still = _still((height + 2 * margin, width + 2 * margin), rng, density, diameters)
    moved = cv2.filter2D(still, -1, np.ascontiguousarray(kernel[::-1, ::-1]))
    # Long kernels are applied by Fourier transform, which leaves values a little below 0.
    return np.maximum(moved[margin : margin + height, margin : margin + width], 0.0)


def _still(
    shape: tuple[int, int],
    rng: np.random.Generator,
    density: float,
    diameters: tuple[float, float],
) -> NDArray[np.float32]:
    """Flakes of diameters that are log-uniform between two."""
    height, width = shape
    small, large = diameters
    mean_area = 0.25 * math.pi * (large**2 - small**2) / (2 * math.log(large / small))
    count = int(rng.poisson(density * height * width / mean_area))
    layer = np.zeros(height * width)
    side = 2 * math.ceil(0.5 * large / _FLATTEST + 0.5) + 1
    block = max(1, _BLOCK // side**2)
    for start in range(0, count, block):
        n = min(block, count - start)
        y, x = rng.uniform(0.0, height, n), rng.uniform(0.0, width, n)
        radius = 0.5 * np.exp(rng.uniform(math.log(small), math.log(large), n))
        turn, stretch = rng.uniform(0.0, math.pi, n), rng.uniform(_FLATTEST, 1.0, n)
        rim = np.maximum(rng.uniform(0.3, 1.0, n) * radius, 1.0)
        opacity = rng.uniform(0.4, 1.0, n)
        flake, row, column = squares(y, x, np.full(n, side), shape)
        # The distance from the centre, stretched so that an ellipse becomes a circle.
        cos, sin = np.cos(turn), np.sin(turn)
        dy, dx = row - y[flake], column - x[flake]
        along = dx * (cos * stretch)[flake] + dy * (sin * stretch)[flake]
        across = dy * (cos / stretch)[flake] - dx * (sin / stretch)[flake]
        value = (radius + 0.5)[flake] - np.sqrt(along**2 + across**2)
        value = np.clip(value / rim[flake], 0.0, 1.0) * opacity[flake]
        layer += np.bincount(row * width + column, value, minlength=layer.size)
    return np.minimum(layer, 1.0).reshape(shape).astype(np.float32)
