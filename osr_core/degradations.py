"""Synthetic damage on clean photographs: the single damages, and how their severity is drawn.

Every function takes a (H, W, 3) float32 RGB picture in [0, 1] and returns a new one of the same
shape. What is random comes from the :class:`numpy.random.Generator` passed in and from nowhere
else. Only :func:`gaussian_noise` leaves [0, 1], and only unless told to clip.

:data:`KINDS` draws parameters so that severity runs continuously down to almost none: a network
that has seen light damage learns to leave alone what needs no mending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from osr_core._checks import Image, check_image, check_range
from osr_core.blur import defocus_blur, gaussian_blur, motion_blur, shake_blur
from osr_core.errors import OptionError
from osr_core.resize import low_resolution, resize_bicubic
from osr_core.weather import haze, pseudo_depth, rain

__all__ = [
    "KINDS",
    "damage",
    "defocus_blur",
    "gaussian_blur",
    "gaussian_noise",
    "haze",
    "jpeg",
    "low_resolution",
    "mixture",
    "motion_blur",
    "pseudo_depth",
    "rain",
    "resize_bicubic",
    "shake_blur",
]


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


def jpeg(image: Image, quality: int) -> Image:
    """Compress and decompress as a baseline JPEG (libjpeg quality 1 to 100, chroma halved).

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32.
        OptionError: if ``quality`` leaves its range.
    """
    import cv2

    check_image(image)
    check_range("quality", quality, 1, 100)
    pixels = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.float32)
    return np.ascontiguousarray(decoded[:, :, ::-1]) / np.float32(255.0)


def _noise(image: Image, rng: np.random.Generator) -> Image:
    """Sigma 0 to 55 levels, not clipped."""
    return gaussian_noise(image, rng.uniform(0.0, 55.0), rng)


def _rain(image: Image, rng: np.random.Generator) -> Image:
    """Density 0.02 to 2.5 (log-uniform), intensity 0.05 to 0.8, length 8 to 45, width 0.7 to 2.5.

    Angle normal with 18 degrees, cut at 45; blending anything from added to screened.
    """
    density = float(np.exp(rng.uniform(np.log(0.02), np.log(2.5))))
    return rain(
        image,
        rng,
        density=density,
        length=rng.uniform(8.0, 45.0),
        angle=float(np.clip(18.0 * rng.standard_normal(), -45.0, 45.0)),
        width=rng.uniform(0.7, 2.5),
        intensity=rng.uniform(0.05, 0.8),
        spread=rng.uniform(0.0, 4.0),
        veil=rng.uniform(0.0, 0.15) * min(1.0, density),
        screen=rng.uniform(0.0, 1.0),
    )


def _haze(image: Image, rng: np.random.Generator) -> Image:
    """β 0 to 2.5 over a :func:`pseudo_depth`; airlight 0.7 to 1, tinted by up to 0.03."""
    light = rng.uniform(0.7, 1.0) + rng.uniform(-0.03, 0.03, 3)
    red, green, blue = (float(v) for v in np.clip(light, 0.0, 1.0))
    depth = pseudo_depth(image.shape, rng)
    return haze(image, depth, rng.uniform(0.0, 2.5), (red, green, blue))


def _blur(image: Image, rng: np.random.Generator) -> Image:
    """Gaussian sigma 0.1 to 3.5, disc radius 0.5 to 5, straight or shaken motion 0 to 25."""
    kind = rng.integers(4)
    if kind == 0:
        return gaussian_blur(image, rng.uniform(0.1, 3.5))
    if kind == 1:
        return defocus_blur(image, rng.uniform(0.5, 5.0))
    if kind == 2:
        return motion_blur(image, rng.uniform(0.0, 25.0), rng.uniform(0.0, 180.0))
    return shake_blur(image, rng.uniform(0.0, 25.0), rng)


def _low_resolution(image: Image, rng: np.random.Generator) -> Image:
    """Scale 2, 3 or 4 in half of the cases, anything from 1 to 4 in the others."""
    whole = rng.uniform() < 0.5
    return low_resolution(image, float(rng.integers(2, 5)) if whole else rng.uniform(1.0, 4.0))


def _jpeg(image: Image, rng: np.random.Generator) -> Image:
    """Quality 10 to 98."""
    return jpeg(image, int(rng.integers(10, 99)))


KINDS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "haze": _haze,
    "rain": _rain,
    "blur": _blur,
    "low_resolution": _low_resolution,
    "noise": _noise,
    "jpeg": _jpeg,
}
"""Each kind of damage with parameters drawn at random, in the order in which light, lens, sensor
and file inflict them; the ranges stand in the functions' docstrings."""


def damage(image: Image, kind: str, rng: np.random.Generator) -> Image:
    """Damage of one ``kind`` (a key of :data:`KINDS`) and of a severity drawn at random.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32.
        OptionError: if there is no such kind.

    >>> clean = np.full((8, 8, 3), 0.5, np.float32)
    >>> damage(clean, "haze", np.random.default_rng(0)).shape
    (8, 8, 3)
    """
    return mixture(image, [kind], rng)


def mixture(image: Image, kinds: Iterable[str], rng: np.random.Generator) -> Image:
    """Damage of several ``kinds``, in the order of :data:`KINDS` whatever order they come in.

    Without any kind the result is a copy of the picture.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32.
        OptionError: if there is no such kind.
    """
    wanted = set(kinds)
    unknown = sorted(wanted - KINDS.keys())
    if unknown:
        names = ", ".join(KINDS)
        raise OptionError(f"no kind of damage is named {unknown[0]!r}; choose from {names}")
    result = check_image(image).copy()
    for kind, apply in KINDS.items():
        if kind in wanted:
            result = apply(result, rng)
    return result
