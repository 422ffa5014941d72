"""Synthetic raindrops on the window or lens in front of the camera."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from osr.degradations._squares import squares
from osr.degradations.blur import gaussian_blur
from osr_core.checks import Image, check_image

Floats = NDArray[np.float64]

_SPREAD = 0.4  # standard deviation of the logarithm of a drop's radius
_WAVER = 0.12  # how far an outline may leave the ellipse, by each of two waves, in radii
_TALLEST = 1.25  # a hanging drop's height in proportion to its width

_BLOCK = 1_000_000  # pixels of drops worked on at once: bounds the memory for large images


def raindrops(
    image: Image,
    rng: np.random.Generator,
    coverage: float,
    radius: float,
    *,
    blur: float = 1.5,
    view: float = 3.0,
    rim: float = 0.3,
    opacity: float = 1.0,
) -> Image:
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

    Returns:
        (H, W, 3) float32 in [0, 1].

    Raises:
        ImageError: if ``image`` is not such an array.
    """
    check_image(image)
    scene = gaussian_blur(image, blur)
    height, width = image.shape[:2]
    margin = 2.0 * radius
    area = (height + 2 * margin) * (width + 2 * margin)
    mean_area = math.pi * radius**2 * math.exp(2 * _SPREAD**2)
    count = int(rng.poisson(coverage * area / mean_area))
    block = max(1, int(_BLOCK / (6.0 * mean_area)))  # a drop's square is at most so much larger
    result = np.clip(image, 0.0, 1.0)
    for start in range(0, count, block):
        n = min(block, count - start)
        y = rng.uniform(-margin, height + margin, n)
        x = rng.uniform(-margin, width + margin, n)
        size = radius * np.exp(np.clip(_SPREAD * rng.standard_normal(n), -1.0, 1.0))
        _add(result, scene, rng, y, x, size, view=view, rim=rim, opacity=opacity)
    return result


def _add(
    result: Image,
    scene: Image,
    rng: np.random.Generator,
    y: Floats,
    x: Floats,
    radius: Floats,
    *,
    view: float,
    rim: float,
    opacity: float,
) -> None:
    """Draw drops into ``result``, all of them at once; where two meet, the thicker one shows."""
    count = len(y)
    tall = rng.uniform(1.0, _TALLEST, count)
    extent = radius * (_TALLEST * (1 + 2 * _WAVER))
    drop, row, column = squares(
        y, x, 2 * np.ceil(extent).astype(np.intp) + 1, (result.shape[0], result.shape[1])
    )
    # Place within the drop: (0, 0) in its middle, at a distance of 1 on its outline.
    v, u = (row - y[drop]) / (radius * tall)[drop], (column - x[drop]) / radius[drop]
    turn = np.arctan2(v, u)
    outline = np.ones(len(drop))
    for waves in (2, 3):
        height, phase = rng.uniform(0.0, _WAVER, count), rng.uniform(0.0, 2 * math.pi, count)
        outline += height[drop] * np.cos(waves * turn + phase[drop])
    distance = np.hypot(v, u) / outline
    inside = distance < 1.0
    drop, row, column, v, u, distance = (
        values[inside] for values in (drop, row, column, v, u, distance)
    )
    # The cap bends light the more the steeper it is, that is towards its rim.
    bend = view * radius[drop] * 0.8 / np.sqrt(1.3 - distance**2)
    seen = _sample(scene, y[drop] - bend * v, x[drop] - bend * u)
    shade = 1.0 - 0.4 * distance**4 * (1.0 - 0.6 * v)  # the upper rim shows the dark ground
    glint = 0.3 * np.exp(((v + 0.4) ** 2 + (u + 0.3) ** 2) / -0.02)
    seen = seen * shade[:, None] + glint[:, None]
    soft = np.clip((1.0 - distance) / rim, 0.0, 1.0)
    mask = opacity * soft * soft * (3.0 - 2.0 * soft)
    order = np.argsort(mask, kind="stable")  # of pixels named twice the last one counts
    row, column, weight = row[order], column[order], mask[order, None]
    mixed = result[row, column] * (1.0 - weight) + np.minimum(seen[order], 1.0) * weight
    result[row, column] = mixed


def _sample(image: Image, y: Floats, x: Floats) -> Floats:
    """Values at points, bilinear; the image is mirrored at its borders."""
    height, width = image.shape[:2]
    y, x = _mirror(y, height), _mirror(x, width)
    top, left = y.astype(np.intp), x.astype(np.intp)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (y - top)[:, None], (x - left)[:, None]
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return np.asarray(upper * (1 - down) + lower * down)


def _mirror(place: Floats, size: int) -> Floats:
    """Fold places on a line of ``size`` pixels back into [0, size - 1]."""
    return (size - 1) - np.abs(np.mod(place, max(1, 2 * size - 2)) - (size - 1))
