"""Synthetic raindrops on the window or lens in front of the camera."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from osr.degradations.blur import gaussian_blur
from osr.degradations.draws import Generator
from osr.degradations.particles import Indices, blocks, squares
from osr_core.checks import Image, check_image

Floats = NDArray[np.float64]

_SPREAD = 0.4  # standard deviation of the logarithm of a drop's radius
_WAVER = 0.12  # how far an outline may leave the ellipse, by each of two waves, in radii
_TALLEST = 1.25  # a hanging drop's height in proportion to its width

_BLOCK = 1_000_000  # pixels of drops worked on at once


def raindrops(
    image: Image, rng: Generator, coverage: float, radius: float, *,
    blur: float = 1.5, view: float = 3.0, rim: float = 0.3, opacity: float = 1.0,
) -> Image:  # fmt: skip
    """Drops that stick to the glass: ``(1 - M) J + M R``, R being what is seen through them.

    The composition of Qian et al. (CVPR 2018). A drop is a strong lens out of focus, as studied
    by You et al. (IEEE TPAMI 38(9), 2016) and rendered by Hao et al. (ICCV Workshops 2019): it
    shows a wide view of the scene upside down, blurred, darker towards its rim, with a glint.

    Args:
        image: J, (H, W, 3) float32 in [0, 1].
        rng: source of the drops.
        coverage: drop area per image area, counted with overlap; 0 to 1.
        radius: median radius in pixels, 1 to 300; single ones vary as a log-normal by a factor
            of e^±0.4.
        blur: standard deviation of the blur of what a drop shows, 0 to 50 pixels.
        view: how many times its own width a drop shows, 1 to 20.
        rim: width of the soft rim of M in radii, 0.02 to 1: the camera focuses on the scene.
        opacity: of the drops, 0 to 1.
    """
    scene = gaussian_blur(check_image(image), blur)
    height, width = image.shape[:2]
    margin = 2.0 * radius
    mean_area = math.pi * radius**2 * math.exp(2 * _SPREAD**2)
    area = (height + 2 * margin) * (width + 2 * margin)
    count = int(rng.poisson(coverage * area / mean_area))
    result = np.clip(image, 0.0, 1.0)
    # A drop's square is at most 6 times as large as the drop.
    for n in blocks(count, int(_BLOCK / (6.0 * mean_area))):
        y = rng.uniform(-margin, height + margin, n)
        x = rng.uniform(-margin, width + margin, n)
        size = radius * np.exp(np.clip(_SPREAD * rng.standard_normal(n), -1.0, 1.0))
        drop, row, column, v, u, distance = _inside(image.shape, rng, y, x, size)
        # The cap bends light the more the steeper it is, that is towards its rim.
        bend = view * size[drop] * 0.8 / np.sqrt(1.3 - distance**2)
        place = y[drop] - bend * v, x[drop] - bend * u
        shade = 1.0 - 0.4 * distance**4 * (1.0 - 0.6 * v)  # the upper rim shows the dark ground
        glint = 0.3 * np.exp(((v + 0.4) ** 2 + (u + 0.3) ** 2) / -0.02)
        soft = np.clip((1.0 - distance) / rim, 0.0, 1.0)
        mask = opacity * soft * soft * (3.0 - 2.0 * soft)
        # Where two drops meet, the thicker one shows: of pixels named twice, the last one counts.
        order = np.argsort(mask, kind="stable")
        row, column, weight = row[order], column[order], mask[order]
        for channel in range(3):
            seen = _between(scene[..., channel], *place)
            seen = np.minimum(seen * shade + glint, 1.0)[order]
            below = result[row, column, channel]
            result[row, column, channel] = below * (1.0 - weight) + seen * weight
    return result


def _between(plane: Image, row: Floats, column: Floats) -> Floats:
    """Bilinear interpolation at places between pixels; the plane is mirrored at its border."""
    (top, bottom, down), (left, right, along) = map(_neighbours, (row, column), plane.shape)
    above = plane[top, left] * (1 - along) + plane[top, right] * along
    below = plane[bottom, left] * (1 - along) + plane[bottom, right] * along
    return np.asarray(above * (1 - down) + below * down)


def _neighbours(place: Floats, length: int) -> tuple[Indices, Indices, Floats]:
    """The pixels of a side before and after a place, and the weight of the second."""
    before = np.floor(place)
    period = 2 * max(length - 1, 1)
    first, second = ((before + step).astype(np.intp) % period for step in (0, 1))
    mirrored = (np.minimum(np.minimum(each, period - each), length - 1) for each in (first, second))
    return *mirrored, place - before


def _inside(
    shape: tuple[int, ...], rng: Generator, y: Floats, x: Floats, radius: Floats
) -> tuple[Indices, Indices, Indices, Floats, Floats, Floats]:
    """The pixels inside drops: number of the drop, row and column of the pixel, its place in the
    drop as rows and columns from the centre in radii, and its distance from there (outline: 1).
    """
    count = len(y)
    height = radius * rng.uniform(1.0, _TALLEST, count)
    extent = np.ceil(radius * (_TALLEST * (1 + 2 * _WAVER))).astype(np.intp)
    drop, row, column = squares(y, x, 2 * extent + 1, shape)
    v, u = (row - y[drop]) / height[drop], (column - x[drop]) / radius[drop]
    turn = np.arctan2(v, u)
    outline = np.ones(len(drop))
    for waves in (2, 3):
        depth, phase = rng.uniform(0.0, _WAVER, count), rng.uniform(0.0, 2 * math.pi, count)
        outline += depth[drop] * np.cos(waves * turn + phase[drop])
    distance = np.hypot(v, u) / outline
    inside = distance < 1.0
    return (drop[inside], row[inside], column[inside], v[inside], u[inside], distance[inside])
