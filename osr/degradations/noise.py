"""Noise: white Gaussian noise, and that of a sensor that counts photons."""

from __future__ import annotations

import numpy as np

from osr.degradations.linear_light import to_linear, to_srgb
from osr_core.checks import Image, check_image, check_range


def gaussian_noise(
    image: Image, sigma: float, rng: np.random.Generator, clip: bool = False
) -> Image:
    """Add white Gaussian noise, independent for each pixel and channel.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        sigma: standard deviation in 8-bit levels, 0 to 255; benchmarks use 15, 25 and 50.
        rng: source of the noise.
        clip: whether to clip to [0, 1]; benchmarks of denoising do not.

    Raises:
        ImageError: if ``image`` is not such an array.
        OptionError: if ``sigma`` leaves its range.
    """
    check_image(image)
    check_range("sigma", sigma, 0.0, 255.0)
    result = rng.standard_normal(image.shape, np.float32)
    result *= np.float32(sigma / 255.0)
    result += image
    return np.clip(result, 0.0, 1.0, out=result) if clip else result


def poisson_gaussian(
    image: Image,
    gain: float,
    sigma: float,
    rng: np.random.Generator,
    *,
    linear: bool = False,
    clip: bool = True,
) -> Image:
    """Noise of a sensor: ``gain · Poisson(y / gain) + N(0, sigma²)``.

    Its variance is ``gain · y + sigma²``. The model of Foi et al. (IEEE TIP 17(10), 2008). In
    linear light it is the one that CBDNet (Guo et al., CVPR 2019) trains on, there with ``gain``
    up to 0.16² and ``sigma`` up to 0.06, which is 15 levels.

    Args:
        image: y, (H, W, 3) float32 in [0, 1]; values below 0 count as 0.
        gain: signal of one photon, 0 (no shot noise) to 1: white is ``1 / gain`` photons.
        sigma: standard deviation of the read noise in 8-bit levels, 0 to 255.
        rng: source of the noise.
        linear: whether to add the noise in linear light, where it arises, and encode the result
            as sRGB again; dark places then become the noisiest.
        clip: whether to clip to [0, 1], as a camera does. In linear light values below 0 are
            always cut off: sRGB has no code for them.

    Raises:
        ImageError: if ``image`` is not such an array.
    """
    check_image(image)
    signal = to_linear(image) if linear else np.maximum(image, np.float32(0.0))
    result = sensor_noise(signal, gain, sigma, rng)
    if linear:
        result = to_srgb(result)
    return np.clip(result, 0.0, 1.0, out=result) if clip else result


def sensor_noise(signal: Image, gain: float, sigma: float, rng: np.random.Generator) -> Image:
    """:func:`poisson_gaussian` on a signal from 0 up, without checks, clipping or encoding."""
    result = signal.copy()
    if gain > 1e-9:  # NumPy's counts end near 1e18, and so many photons show no noise
        result = rng.poisson(signal / np.float64(gain)).astype(np.float32) * np.float32(gain)
    if sigma > 0:
        result += rng.standard_normal(signal.shape, np.float32) * np.float32(sigma / 255.0)
    return result
