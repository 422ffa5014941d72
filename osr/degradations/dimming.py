"""Photographs taken with too little light, or without colour."""

from __future__ import annotations

import numpy as np

from osr.degradations.draws import Generator
from osr.degradations.linear_light import to_linear, to_srgb
from osr.degradations.noise import sensor_noise
from osr_core.checks import Image, check_image


def low_light(
    image: Image, stops: float, rng: Generator, *, gamma: float = 1.0, gain: float = 0.0,
    sigma: float = 0.0, red: float = 1.0, blue: float = 1.0,
) -> Image:  # fmt: skip
    """Under-exposure, a steeper tone curve, a colour cast and sensor noise.

    Gamma and linear dimming are the simulation of Lv et al. (IJCV 129, 2021), ``β · I^γ``; here
    the dimming is exposure, in linear light, where the noise of
    :func:`~osr.degradations.noise.poisson_gaussian` is added.

    Args:
        image: I, (H, W, 3) float32 in [0, 1].
        stops: exposure lost, 0 to 12: linear light is divided by ``2^stops``.
        rng: source of the noise; not used without noise.
        gamma: exponent on the sRGB values, 1 to 5: deepens shadows more than lights.
        gain: of the shot noise, 0 to 1, in linear light: white at full exposure is
            ``1 / gain`` photons.
        sigma: of the read noise in 8-bit levels of linear light, 0 to 255; since the sRGB curve
            is steep in the dark, 1 here is up to 13 levels there.
        red: what the red channel keeps in proportion to green, 0 to 2.
        blue: the same for blue; lamps leave less of it.
    """
    check_image(image)
    curved = np.clip(image, 0.0, 1.0) ** np.float32(gamma) if gamma != 1 else image
    light = to_linear(curved) * (np.array([red, 1.0, blue], np.float32) * np.float32(2.0**-stops))
    return np.clip(to_srgb(sensor_noise(light, gain, sigma, rng)), 0.0, 1.0)


_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def grey(image: Image) -> Image:
    """The luma of ITU-R BT.601, which JPEG uses, in all three channels."""
    return np.repeat((check_image(image) @ _LUMA)[:, :, None], 3, axis=2)
