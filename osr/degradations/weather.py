"""Synthetic rain and haze.

Angles are in degrees, lengths and widths in pixels, brightness on the image's scale of [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from osr.degradations.depth import Depth, object_depth, scene_depth
from osr.degradations.draws import Generator, Ranges, zero_or_uniform
from osr.degradations.particles import blocks, repeated
from osr_core.checks import Image, check_image
from osr_core.errors import ImageError

_BLOCK = 8192  # streaks drawn at once


def rain(
    image: Image, rng: Generator, density: float, length: float, angle: float = 0.0,
    width: float = 1.5, intensity: float = 0.5, *, spread: float = 2.0, mist: float = 0.0,
    screen: float = 0.0,
) -> Image:  # fmt: skip
    """Bright, slightly transparent streaks: ``J + L (1 - screen · J)``, clipped to [0, 1].

    The layer L is grey, as in Rain100L and Rain100H (Yang et al., CVPR 2017), where it is added
    (``screen = 0``); Rain800 (Zhang et al., 2017) looks screen-blended (``screen = 1``).

    Args:
        image: J, (H, W, 3) float32 in [0, 1].
        rng: source of the streaks.
        density: streak area per image area, counted with overlap; 0 to 4. Rain100L has about
            0.1 to 0.4, Rain100H 0.8 to 2.
        length: mean length of a streak, 1 to 500; single ones vary from 0.4 to 1.6 times that.
        angle: direction of fall against the vertical, -75 to 75; positive leans to the right
            on the way down.
        width: mean width, 0.3 to 8; single ones vary from 0.6 to 1.4 times that.
        intensity: brightness of the brightest streaks, 0 to 1; single ones have 0.3 to 1 of it.
        spread: standard deviation of the angle among the streaks.
        mist: even brightness under the streaks, 0 to 1: drops too far away to be seen.
        screen: 0 adds the layer, 1 screens it, so that bright places change less.
    """
    layer = rain_streaks(check_image(image).shape, rng, density, length, angle, width, spread)
    layer *= intensity
    layer += mist
    result = image * np.float32(-screen)
    result += 1.0
    result *= layer[:, :, None]
    result += image
    return np.clip(result, 0.0, 1.0, out=result)


def rain_streaks(
    shape: tuple[int, ...], rng: Generator, density: float, length: float, angle: float = 0.0,
    width: float = 1.5, spread: float = 2.0,
) -> NDArray[np.float32]:  # fmt: skip
    """The layer of :func:`rain` at full intensity: (H, W) float32, 0 where no streak is.

    A Poisson number of streaks at uniform places (not only whole pixels, and also beyond the
    border, so that some are cut off by it). Each is anti-aliased across and fades at its ends;
    where streaks cross, they add up to at most 1.
    """
    height, columns = shape[:2]
    margin = 0.8 * length + 1.0  # half the longest streak
    area = (height + 2 * margin) * (columns + 2 * margin)
    layer = np.zeros(height * columns)
    for n in blocks(int(rng.poisson(density * area / (length * width))), _BLOCK):
        tilt = np.radians(np.clip(angle + spread * rng.standard_normal(n), -80.0, 80.0))
        cos, sin = np.cos(tilt), np.sin(tilt)
        half = 0.5 * length * rng.uniform(0.4, 1.6, n)
        rim = 0.5 * width * rng.uniform(0.6, 1.4, n) + 0.5  # half the width, anti-aliased
        bright = rng.uniform(0.3, 1.0, n)
        y = rng.uniform(-margin, height + margin, n)
        x = rng.uniform(-margin, columns + margin, n)
        streaks = np.stack((y, x, cos, sin, half, rim, bright))
        _draw(layer, (height, columns), streaks)
    return np.minimum(layer, 1.0).reshape(height, columns).astype(np.float32)


def _draw(layer: NDArray[np.float64], shape: tuple[int, int], streaks: NDArray[np.float64]) -> None:
    """Add streaks to a flat layer of that shape, all of them at once.

    ``streaks`` (7, count): row and column of the centre, cosine and sine of the angle, half the
    length, half the width, brightness.
    """
    height, columns = shape
    y, _, cos, sin, half, rim, _ = streaks
    fall = half * cos + rim * np.abs(sin)
    # Pairs (streak, row): as many rows as each streak crosses within the image.
    first = np.clip(np.ceil(y - fall), 0, height).astype(np.intp)
    last = np.clip(np.floor(y + fall) + 1, first, height).astype(np.intp)
    streak, place = repeated(last - first)
    row = first[streak] + place
    y, x, cos, sin, half, rim, bright = (values[streak] for values in streaks)
    down = row - y
    # In each row, the columns within the rim.
    left = np.ceil(x + (down * sin - rim) / cos).astype(np.intp)
    for step in range(int(np.ceil(np.max(2 * rim / cos, initial=0.0)))):
        column = left + step
        across = (column - x) * cos - down * sin
        along = ((column - x) * sin + down * cos) / half  # -1 at the upper end, 1 at the lower
        value = np.clip(rim - np.abs(across), 0.0, 1.0) * np.maximum(1.0 - along**2, 0.0)
        seen = (column >= 0) & (column < columns) & (value > 0)
        index = (row * columns + column)[seen]
        layer += np.bincount(index, (bright * value)[seen], minlength=layer.size)


def haze(
    image: Image, depth: Depth | float, beta: float, airlight: float | Sequence[float] = 0.9
) -> Image:
    """Haze by Koschmieder's law: ``I = J t + A (1 - t)`` with ``t = exp(-beta d)``.

    The model of Narasimhan and Nayar (IJCV 48, 2002) and of RESIDE (Li et al., IEEE TIP 2019).

    Args:
        image: J, (H, W, 3) float32 in [0, 1].
        depth: d, (H, W) in [0, 1], as from :func:`~.depth.pseudo_depth`, or one number; an
            :class:`ImageError` if it has another size than the image.
        beta: scattering coefficient per unit of depth, 0 to 100; with depths up to 1, 0.1 is
            thin and 2 is thick (RESIDE's scenes have t of about 0.2 to 0.9).
        airlight: A, colour of the haze, grey or RGB, 0 to 1; in RESIDE 0.7 to 1.
    """
    check_image(image)
    light, distance = np.asarray(airlight, np.float32), np.asarray(depth, np.float32)
    if distance.ndim and distance.shape != image.shape[:2]:
        raise ImageError(f"depth has shape {distance.shape}, the image {image.shape[:2]}")
    transmission = np.exp(distance * np.float32(-beta))[..., None]
    result = (image - light) * transmission
    result += light
    return np.clip(result, 0.0, 1.0, out=result)


def sample_haze(image: Image, rng: Generator, depth: Depth | None, of: Ranges) -> Image:
    """Each channel's airlight is off by its own ``tint``. Without a depth map, the depth is that
    of :func:`~.depth.pseudo_depth`, with ``distance`` in its middle and ``slope`` upwards, and in
    half of the images ``relief`` times :func:`~.depth.object_depth`."""
    light = np.clip(rng.uniform(*of["airlight"]) + rng.uniform(*of["tint"], 3), 0.0, 1.0)
    away = scene_depth(image.shape, rng, depth, of["distance"], of["slope"])
    if depth is None and of["relief"][1] > 0:
        relief = np.float32(zero_or_uniform(rng, of["relief"]))
        away = np.clip(away + relief * object_depth(image, rng), 0.0, 1.0)
    return haze(image, away, rng.uniform(*of["beta"]), light.tolist())
