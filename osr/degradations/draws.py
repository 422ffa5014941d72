"""How the severity of each kind of degradation is drawn; the ranges are those of :mod:`~.kinds`.

Every function takes the picture, the source of randomness, a range for each parameter and, where
there is one, the depth map. Draws are uniform within the range where nothing else is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from osr.degradations.blur import defocus_blur, gaussian_blur, motion_blur, shake_blur
from osr.degradations.compression import jpeg
from osr.degradations.dimming import low_light
from osr.degradations.drops import raindrops
from osr.degradations.noise import gaussian_noise, poisson_gaussian
from osr.degradations.resize import low_resolution
from osr.degradations.snowflakes import snow
from osr.degradations.weather import Depth, haze, rain, scene_depth
from osr_core.checks import Image

Ranges = Mapping[str, tuple[float, float]]
"""Parameter → (low, high)."""

Generator = np.random.Generator


def _log_uniform(rng: Generator, bounds: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))


def _lean(rng: Generator, bounds: tuple[float, float]) -> float:
    """Normal around the middle, cut at the bounds, 2.5 standard deviations away."""
    low, high = bounds
    return float(np.clip((low + high) / 2 + 0.2 * (high - low) * rng.standard_normal(), low, high))


def draw_haze(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Each channel's airlight is off by its own ``tint``; ``level`` and ``slope`` are those of
    :func:`~.weather.pseudo_depth`, where there is no depth map."""
    light = rng.uniform(*of["airlight"]) + rng.uniform(*of["tint"], 3)
    red, green, blue = (float(v) for v in np.clip(light, 0.0, 1.0))
    distance = scene_depth(image.shape, rng, depth, level=of["level"], slope=of["slope"])
    return haze(image, distance, rng.uniform(*of["beta"]), (red, green, blue))


def draw_rain(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Density log-uniform, angle normal; blending anything from added to screened."""
    density = _log_uniform(rng, of["density"])
    return rain(
        image,
        rng,
        density=density,
        length=rng.uniform(*of["length"]),
        angle=_lean(rng, of["angle"]),
        width=rng.uniform(*of["width"]),
        intensity=rng.uniform(*of["intensity"]),
        spread=rng.uniform(*of["spread"]),
        veil=rng.uniform(*of["veil"]) * min(1.0, density),
        screen=rng.uniform(*of["screen"]),
    )


def draw_snow(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Density log-uniform, angle normal, less of a veil where flakes are few."""
    density = _log_uniform(rng, of["density"])
    return snow(
        image,
        rng,
        density=density,
        size=rng.uniform(*of["size"]),
        length=rng.uniform(*of["length"]),
        angle=_lean(rng, of["angle"]),
        spread=rng.uniform(*of["spread"]),
        opacity=rng.uniform(*of["opacity"]),
        brightness=rng.uniform(*of["brightness"]),
        veil=rng.uniform(*of["veil"]) * min(1.0, 3.0 * density),
    )


def draw_raindrops(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Coverage and radius log-uniform."""
    return raindrops(
        image,
        rng,
        coverage=_log_uniform(rng, of["coverage"]),
        radius=_log_uniform(rng, of["radius"]),
        blur=rng.uniform(*of["blur"]),
        view=rng.uniform(*of["view"]),
        rim=rng.uniform(*of["rim"]),
        opacity=rng.uniform(*of["opacity"]),
    )


def draw_blur(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Gaussian, disc, straight or shaken motion, equally often; the last two share ``length``."""
    kind = rng.integers(4)
    if kind == 0:
        return gaussian_blur(image, rng.uniform(*of["sigma"]))
    if kind == 1:
        return defocus_blur(image, rng.uniform(*of["radius"]))
    if kind == 2:
        return motion_blur(image, rng.uniform(*of["length"]), rng.uniform(*of["angle"]))
    return shake_blur(image, rng.uniform(*of["length"]), rng)


def draw_low_resolution(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """A whole scale from 2 up in half of the cases, if there is one, anything in the others."""
    low, high = of["scale"]
    first, last = max(2, math.ceil(low)), math.floor(high)
    whole = rng.uniform() < 0.5 and first <= last
    scale = float(rng.integers(first, last + 1)) if whole else rng.uniform(low, high)
    return low_resolution(image, scale)


def draw_low_light(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Stops skewed towards few; below one stop all else is weaker in proportion."""
    low, high = of["stops"]
    stops = low + (high - low) * rng.uniform() ** 2
    share = min(1.0, stops)
    return low_light(
        image,
        stops,
        rng,
        gamma=1.0 + (rng.uniform(*of["gamma"]) - 1.0) * share,
        gain=rng.uniform(*of["gain"]) * share,
        sigma=rng.uniform(*of["sigma"]) * share,
        red=1.0 + (rng.uniform(*of["red"]) - 1.0) * share,
        blue=1.0 + (rng.uniform(*of["blue"]) - 1.0) * share,
    )


def draw_poisson_gaussian(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """The root of the gain is uniform; in linear light in half of the cases."""
    low, high = of["gain"]
    gain = rng.uniform(math.sqrt(low), math.sqrt(high)) ** 2
    sigma = rng.uniform(*of["sigma"])
    return poisson_gaussian(image, min(gain, 1.0), sigma, rng, linear=bool(rng.uniform() < 0.5))


def draw_noise(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Not clipped."""
    return gaussian_noise(image, rng.uniform(*of["sigma"]), rng)


def draw_jpeg(image: Image, rng: Generator, of: Ranges, depth: Depth | None) -> Image:
    """Whole qualities."""
    low, high = of["quality"]
    first, last = math.ceil(low), math.floor(high)
    return jpeg(image, int(rng.integers(first, max(first, last) + 1)))
