"""Surfaces that cover parts of clean crops and are easily mistaken for degradation.

Images are (H, W, 3) float32 in [0, 1]. What a function adds is content: it is in the degraded image
and in the target.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osr.degradations.depth import smooth_field
from osr_core.checks import Image

# Ranges of what is drawn; all but the uniform ones log-uniformly.
BALANCE = (0.87, 1.15)  # factor of each channel by itself
PERIOD = (3.0, 30.0)  # width of a pair of stripes in pixels
SHARPNESS = (0.3, 5.0)  # half of the slope in the middle of the edges of stripes
DETAIL = (0.5, 5.0)  # standard deviation in pixels of the smallest details of a texture
TINT = 5.0  # largest exponent of the balance of a drawn colour
STRETCH = (1.0, 8.0)  # length of these details in proportion to their width


def add_flat_patches(image: Image, rng: np.random.Generator) -> Image:
    """Parts covered by even, softly lit surfaces, like walls, tables and blurred backgrounds.

    They are easily mistaken for haze.
    """
    colour = rng.uniform(0.25, 1.0) * log_uniform(BALANCE, rng, 3)
    light = 1 + np.float32(rng.uniform(0.0, 0.3)) * smooth_field(image.shape, 3, rng)
    return cover(image, light[..., None] * colour, rng)


def blank(image: Image, rng: np.random.Generator) -> Image:
    """A blank image: of one colour, or softly lit.

    Nothing in it shows whether it is degraded.
    """
    level = rng.uniform() * log_uniform(BALANCE, rng, 3)
    light = np.float32(rng.uniform(0.0, 0.3) * rng.integers(2)) * smooth_field(image.shape, 3, rng)
    return np.clip((1 + light[..., None]) * level, 0.0, 1.0, dtype=np.float32)


def add_striped_patches(image: Image, rng: np.random.Generator) -> Image:
    """Parts covered by bent stripes of any two colours, like blinds, cloth, grass and zebras.

    They are easily mistaken for rain.
    """
    rows, columns = np.indices(image.shape[:2], np.float32)
    angle, period = rng.uniform(0.0, np.pi), log_uniform(PERIOD, rng)
    across = columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    bend = np.float32(rng.uniform(0.0, 4 * np.pi)) * smooth_field(image.shape, 3, rng)
    wave = np.sin(2 * np.pi * across / period + bend)
    second_part = np.clip(0.5 + log_uniform(SHARPNESS, rng) * wave, 0.0, 1.0)[..., None]
    first, second = (rng.uniform(0.0, 1.0) * log_uniform(BALANCE, rng, 3) for _ in range(2))
    light = 1 + np.float32(rng.uniform(0.0, 0.3)) * smooth_field(image.shape, 3, rng)
    return cover(image, light[..., None] * (first + second_part * (second - first)), rng)


def add_texture(image: Image, rng: np.random.Generator) -> Image:
    """Parts with random texture, like grass, fur, gravel, bark, cloth and tissue.

    It is of any two colours, or the lightness of the image itself varies.
    """
    field = texture_field(image.shape, rng)
    if rng.random() < 0.5:
        strength = np.float32(rng.uniform(0.1, 0.6))
        return cover(image, image * (1 + strength * field[..., None]), rng)
    second_part = np.clip(0.5 + log_uniform(SHARPNESS, rng) * field, 0.0, 1.0)[..., None]
    first, second = (rng.uniform(0.0, 1.0) * colour(rng) for _ in range(2))
    return cover(image, first + second_part * (second - first), rng)


def texture_field(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W) band-limited noise of mean 0 and variance 1, stretched in a random direction."""
    height, width = shape[:2]
    down, right = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    angle, size = rng.uniform(0.0, np.pi), log_uniform(DETAIL, rng)
    along = (right * np.cos(angle) + down * np.sin(angle)) * log_uniform(STRETCH, rng)
    across = down * np.cos(angle) - right * np.sin(angle)
    radius = 2 * np.pi * size * np.hypot(along, across)
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    field = np.fft.irfft2(spectrum * radius * np.exp(-(radius**2) / 2), (height, width))
    return np.asarray(field / max(float(field.std()), 1e-6), np.float32)


def add_sky(image: Image, rng: np.random.Generator) -> Image:
    """A pale sky at the top, above a sharp skyline.

    In a photograph without haze only the sky is pale, and what is below it is not.
    """
    height, width = image.shape[:2]
    rows = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    rough = smooth_field((1, width), 4, rng) + 0.3 * smooth_field((1, width), width // 4, rng)
    skyline = np.float32(rng.uniform(0.1, 0.9)) + np.float32(rng.uniform(0.0, 0.3)) * rough
    above = np.clip(0.5 + (skyline - rows) * height, 0.0, 1.0)[..., None]
    brightness = np.array([rng.uniform(0.5, 1.0), rng.uniform(0.75, 1.0)], np.float32)
    zenith, horizon = brightness[:, None] * log_uniform(BALANCE, rng, 3)
    sky = zenith + rows[..., None] * (horizon - zenith)
    return np.clip(image + above * (sky - image), 0.0, 1.0, dtype=np.float32)


def cover(image: Image, surface: Image, rng: np.random.Generator) -> Image:
    """Parts of the image covered by a surface, with soft or sharp edges."""
    softness = np.float32(10 ** rng.uniform(-2.0, 0.0))
    edge = smooth_field(image.shape, 4, rng) - np.float32(rng.uniform(-0.4, 0.4))
    hidden = np.clip(0.5 + edge / softness, 0.0, 1.0)[..., None]
    return np.clip(image + hidden * (surface - image), 0.0, 1.0, dtype=np.float32)


def colour(rng: np.random.Generator) -> Image:
    """(3,) factors of the channels, from grey to strongly coloured, mostly close to grey."""
    return log_uniform(BALANCE, rng, 3) ** np.float32(TINT * rng.uniform() ** 2)


def log_uniform(bounds: tuple[float, float], rng: np.random.Generator, count: int = 1) -> Image:
    """(count,) numbers whose logarithm is uniform within the bounds."""
    low, high = np.log(bounds)
    return np.exp(rng.uniform(low, high, count)).astype(np.float32)
