"""Synthetic falling snow: translucent flakes of several sizes, drawn out by their fall."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from osr.degradations.blur import Kernel, convolve, path_kernel, path_samples
from osr.degradations.draws import Generator
from osr.degradations.particles import blocks, squares
from osr_core.checks import Image, check_image

_LAYERS = (0.4, 0.7, 1.0, 1.5, 2.4)  # bounds, from far to near: diameters relative to the typical
_FLATTEST = 0.75  # square root of the ratio of the axes of the flattest flakes
_BLOCK = 1_000_000  # pixels of flakes drawn at once


def snow(
    image: Image, rng: Generator, density: float, size: float, length: float = 6.0,
    angle: float = 0.0, *, spread: float = 12.0, opacity: float = 0.9, brightness: float = 0.95,
    mist: float = 0.0,
) -> Image:  # fmt: skip
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
    """
    clear = snow_flakes(check_image(image).shape, rng, density, size, length, angle, spread)
    clear *= np.float32(-opacity)
    clear += 1.0
    clear *= np.float32(1.0 - mist)  # 1 - z of flakes and mist together: both are equally bright
    white = np.float32(brightness)
    return np.clip((image - white) * clear[:, :, None] + white, 0.0, 1.0)


def snow_flakes(
    shape: tuple[int, ...], rng: Generator, density: float, size: float, length: float = 6.0,
    angle: float = 0.0, spread: float = 12.0,
) -> NDArray[np.float32]:  # fmt: skip
    """The mask z of :func:`snow` at full opacity: (H, W) float32, 0 where no flake is.

    Four layers of equal density, from far and small to near and large. A layer moves along one
    slightly bent path, and a pixel is as opaque as long as a flake covers it. Where flakes
    overlap, they add up to at most 1.
    """
    height, width = shape[:2]
    mask = np.zeros((height, width), np.float32)
    for low, high in pairwise(_LAYERS):
        tilt = math.radians(np.clip(angle + spread * rng.standard_normal(), -90.0, 90.0))
        kernel = _fall(length * math.sqrt(low * high), tilt, 0.15 * rng.standard_normal())
        margin = len(kernel) // 2 + math.ceil(high * size)  # for flakes from beyond the border
        still = _still(
            (height + 2 * margin, width + 2 * margin), rng, 0.25 * density, low * size, high * size
        )
        moved = convolve(still, kernel)[margin : margin + height, margin : margin + width]
        # Long kernels are applied by Fourier transform, which leaves values a little below 0.
        mask += np.maximum(moved, 0.0)
    return np.minimum(mask, 1.0)


def _fall(length: float, tilt: float, bend: float) -> Kernel:
    """Kernel of a parabola whose middle is aside by ``bend`` times half its length."""
    t = np.linspace(-1.0, 1.0, path_samples(length))
    along, aside = 0.5 * length * t, 0.5 * length * bend * (1.0 - t**2)
    cos, sin = math.cos(tilt), math.sin(tilt)
    return path_kernel(along * sin + aside * cos, along * cos - aside * sin)


def _still(
    shape: tuple[int, int], rng: Generator, density: float, small: float, large: float
) -> NDArray[np.float32]:
    """A Poisson number of ellipses with a more or less soft rim at uniform places.

    Their diameters are log-uniform from ``small`` to ``large``.
    """
    height, width = shape
    mean_area = 0.25 * math.pi * (large**2 - small**2) / (2 * math.log(large / small))
    count = int(rng.poisson(density * height * width / mean_area))
    layer = np.zeros(height * width)
    side = 2 * math.ceil(0.5 * large / _FLATTEST + 0.5) + 1
    for n in blocks(count, _BLOCK // side**2):
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
