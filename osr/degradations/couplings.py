"""Degradations whose parameters are drawn together rather than each for itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from osr.degradations.blur import defocus_blur, gaussian_blur, motion_blur, shake_blur
from osr.degradations.draws import Generator, Ranges, Values
from osr.degradations.weather import Depth, haze, scene_depth
from osr_core.checks import Image


def haze_at_depth(
    image: Image, rng: Generator, depth: Depth | None, beta: float, airlight: float
) -> Image:
    """:func:`~.weather.haze` by the depth map, or by one that is made up.

    Args:
        image, rng, depth: as in :class:`~osr.degradations.Degradation`.
        beta: scattering coefficient per unit of depth.
        airlight: colour of the haze, grey.
    """
    return haze(image, scene_depth(image.shape, rng, depth), beta, airlight)


def sample_haze(image: Image, rng: Generator, depth: Depth | None, of: Ranges) -> Image:
    """Each channel's airlight is off by its own ``tint``. Without a depth map, the depth is that
    of :func:`~.weather.pseudo_depth`, with ``distance`` in its middle and ``slope`` upwards."""
    light = np.clip(rng.uniform(*of["airlight"]) + rng.uniform(*of["tint"], 3), 0.0, 1.0)
    away = scene_depth(image.shape, rng, depth, level=of["distance"], slope=of["slope"])
    red, green, blue = (float(value) for value in light)
    return haze(image, away, rng.uniform(*of["beta"]), (red, green, blue))


def motion_any_way(
    image: Image, rng: Generator, length: float, angle: float | None = None
) -> Image:
    """:func:`~.blur.motion_blur`, in a random direction where no angle is given.

    Args:
        image, rng: as in :class:`~osr.degradations.Degradation`.
        length: of the motion in pixels.
        angle: in degrees, 0 along a row, 90 along a column.
    """
    return motion_blur(image, length, rng.uniform(0.0, 180.0) if angle is None else angle)


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


def less_mist(factor: float) -> Callable[[Values], Values]:
    """Less mist where streaks or flakes are few."""
    return lambda of: {**of, "mist": of["mist"] * min(1.0, factor * of["density"])}


def equal_unmixed(of: Values) -> Values:
    """Noise that is equal in all channels stays so."""
    return {**of, "mixing": 0.0} if of["correlation"] == 1 else of


def little_light(of: Values) -> Values:
    """Below one stop all else is weaker in proportion."""
    strength = min(1.0, of["stops"])
    ones = {name: 1.0 + (of[name] - 1.0) * strength for name in ("gamma", "red", "blue")}
    return {**of, **ones, "gain": of["gain"] * strength, "sigma": of["sigma"] * strength}
