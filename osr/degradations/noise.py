"""The sensor: noise, too little light, no colour.

Photons add up in linear light and nowhere else, so exposure and sensor noise belong there; sRGB
values become linear light and back as IEC 61966-2-1 says.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.degradations.draws import Generator
from osr_core.checks import Image, check_image

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def gaussian_noise(image: Image, sigma: float, rng: Generator, clip: bool = False) -> Image:
    """Add white Gaussian noise, independent for each pixel and channel.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        sigma: standard deviation in 8-bit levels, 0 to 255; benchmarks use 15, 25 and 50.
        rng: source of the noise.
        clip: whether to clip to [0, 1]; benchmarks of denoising do not.
    """
    check_image(image)
    result = rng.standard_normal(image.shape, np.float32)
    result *= np.float32(sigma / 255.0)
    result += image
    return np.clip(result, 0.0, 1.0) if clip else result


def poisson_gaussian(
    image: Image, gain: float, sigma: float, rng: Generator, *,
    linear: bool = False, clip: bool = True,
) -> Image:  # fmt: skip
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
    """
    check_image(image)
    signal = to_linear(image) if linear else np.maximum(image, np.float32(0.0))
    result = sensor_noise(signal, gain, sigma, rng)
    if linear:
        result = to_srgb(result)
    return np.clip(result, 0.0, 1.0) if clip else result


def sensor_noise(signal: Image, gain: float, sigma: float, rng: Generator) -> Image:
    """:func:`poisson_gaussian` on a signal from 0 up, without clipping or encoding."""
    result = signal.copy()
    if gain > 1e-9:  # NumPy's counts end near 1e18, and so many photons show no noise
        result = rng.poisson(signal / np.float64(gain)).astype(np.float32) * np.float32(gain)
    if sigma > 0:
        result += rng.standard_normal(signal.shape, np.float32) * np.float32(sigma / 255.0)
    return result


def camera_noise(
    image: Image, sigma: float, rng: Generator, *, correlation: float = 0.0, mixing: float = 0.0,
    grain: float = 0.0, tone: float = 0.0, clip: bool = True,
) -> Image:  # fmt: skip
    """Noise as it is in developed photographs: correlated in colour and space, and tone-dependent.

    A sensor's noise is independent from pixel to pixel. Demosaicing and resizing spread it over
    neighbours, white balance and colour matrix mix it between channels, and the tone curve makes
    it depend on brightness (Nam et al., "A Holistic Approach to Cross-Channel Image Noise
    Modeling", CVPR 2016; Brooks et al., "Unprocessing Images", CVPR 2019). Each of these is one
    parameter here. At mid-grey the variance, averaged over the channels, is ``sigma²``.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        sigma: standard deviation in 8-bit levels, 0 to 255.
        rng: source of the noise.
        correlation: of the noise of any two channels, -0.5 to 1; 0 is independent, 1 the same in
            all, that is in luma only, and below 0 there is more of it in chroma.
        mixing: weight of a random 3×3 matrix that mixes the channels besides, 0 to 10; their noise
            then differs in strength, and each pair in correlation.
        grain: standard deviation in pixels of the Gaussian that smooths the noise, 0 to 10; its
            strength stays.
        tone: dependence on the brightness y, -1 to 1: the variance is ``1 + tone (2 y - 1)`` times
            that of mid-grey.
        clip: whether to clip to [0, 1], as a file does.
    """
    height, width = check_image(image).shape[:2]
    base, common = math.sqrt(1 - correlation), math.sqrt(1 + 2 * correlation)
    matrix = base * np.eye(3) + (common - base) / 3  # its square has the correlations
    if mixing > 0:
        matrix += mixing * rng.standard_normal((3, 3))
    matrix *= math.sqrt(3) / np.linalg.norm(matrix)
    noise = _grain(rng, height, width, grain) @ matrix.T.astype(np.float32)
    noise *= np.float32(sigma / 255.0)
    if tone != 0:
        noise *= np.sqrt(1 + np.float32(tone) * (2 * np.clip(image, 0.0, 1.0) - 1))
    noise += image
    return np.clip(noise, 0.0, 1.0) if clip else noise


def _grain(rng: np.random.Generator, height: int, width: int, sigma: float) -> NDArray[np.float32]:
    """(height, width, 3) noise of variance 1, smoothed by a Gaussian."""
    half = math.ceil(4 * sigma)
    white = rng.standard_normal((height + 2 * half, width + 2 * half, 3), np.float32)
    if half == 0:
        return white
    kernel = cv2.getGaussianKernel(2 * half + 1, sigma).astype(np.float32)
    kernel /= np.linalg.norm(kernel)
    smooth: NDArray[np.float32] = cv2.sepFilter2D(white, -1, kernel, kernel)
    return smooth[half : half + height, half : half + width]


def low_light(
    image: Image, stops: float, rng: Generator, *, gamma: float = 1.0, gain: float = 0.0,
    sigma: float = 0.0, red: float = 1.0, blue: float = 1.0,
) -> Image:  # fmt: skip
    """Under-exposure, a steeper tone curve, a colour cast and sensor noise.

    Gamma and linear dimming are the simulation of Lv et al. (IJCV 129, 2021), ``β · I^γ``; here
    the dimming is exposure, in linear light, where the noise of
    :func:`poisson_gaussian` is added.

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


def grey(image: Image) -> Image:
    """The luma of ITU-R BT.601, which JPEG uses, in all three channels."""
    return np.repeat((check_image(image) @ _LUMA)[:, :, None], 3, axis=2)


def to_linear(image: Image) -> Image:
    """sRGB values in [0, 1] as linear light in [0, 1]; negative values become 0.

    >>> to_linear(np.array([0.0, 0.5, 1.0], np.float32)).round(3).tolist()
    [0.0, 0.21400000154972076, 1.0]
    """
    image = np.maximum(image, np.float32(0.0))
    curve = ((image + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(image <= 0.04045, image / np.float32(12.92), curve)


def to_srgb(light: Image) -> Image:
    """The inverse of :func:`to_linear`."""
    light = np.maximum(light, np.float32(0.0))
    curve = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= 0.0031308, light * np.float32(12.92), curve)
