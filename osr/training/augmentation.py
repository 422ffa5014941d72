"""Augmentation of clean crops before they are degraded. Images are (H, W, 3) float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from osr.degradations.weather import smooth_field
from osr_core.checks import Image

# Ranges of what is drawn; all but the uniform ones log-uniformly.
EXPOSURE = (0.25, 1.25)  # factor of all channels
GAMMA = (0.67, 1.5)  # exponent of the tone curve
BALANCE = (0.87, 1.15)  # factor of each channel by itself
BLACK, WHITE = (0.0, 0.2), (0.4, 1.0)  # where reduced contrast puts them; uniform
ZOOM = (1.0, 3.0)  # enlargement; uniform
GRAIN = (0.5 / 255, 6 / 255)  # standard deviation of the grain of the zoom
GRAIN_SIZE = (0.0, 0.8)  # standard deviation in pixels of the Gaussian that smooths it; uniform
PERIOD = (3.0, 30.0)  # width of a pair of stripes in pixels
SHARPNESS = (0.3, 5.0)  # half of the slope in the middle of the edges of stripes


def random_dihedral(image: Image, rng: np.random.Generator) -> Image:
    """One of the eight flips and rotations of a square crop, (S, S, C)."""
    return np.ascontiguousarray(np.rot90(random_hflip(image, rng), int(rng.integers(4))))


def random_hflip(image: Image, rng: np.random.Generator) -> Image:
    """Flipped horizontally in half of the cases, (H, W, C)."""
    return image[:, ::-1] if rng.random() < 0.5 else image


def change_tone(image: Image, rng: np.random.Generator) -> Image:
    """Another exposure, gamma and white balance; black stays black.

    A network trained on dark, pale and tinted clean images mistakes tones for degradation less
    often.

    >>> bool(change_tone(np.zeros((4, 4, 3), np.float32), np.random.default_rng(0)).any())
    False
    """
    exposure, gamma = _log_uniform(EXPOSURE, rng), _log_uniform(GAMMA, rng)
    balance = _log_uniform(BALANCE, rng, 3)
    toned = np.power(image, np.float32(gamma)) * np.float32(exposure) * balance
    return np.clip(toned, 0.0, 1.0, dtype=np.float32)


def reduce_contrast(image: Image, rng: np.random.Generator) -> Image:
    """Reduced contrast, as of old prints, scanned slides and scenes with nothing black in them.

    Thin haze looks the same: a network trained on such clean images leaves slightly pale ones
    unchanged.

    >>> image = np.eye(2, dtype=np.float32)[..., None].repeat(3, 2)
    >>> pale = reduce_contrast(image, np.random.default_rng(0))
    >>> bool(0 < pale.min() < pale.max() < 1)
    True
    """
    black = rng.uniform(*BLACK) * _log_uniform(BALANCE, rng, 3)
    white = np.maximum(rng.uniform(*WHITE) * _log_uniform(BALANCE, rng, 3), black)
    return np.clip(black + image * (white - black), 0.0, 1.0, dtype=np.float32)


def add_flat_patches(image: Image, rng: np.random.Generator) -> Image:
    """Parts covered by even, softly lit surfaces, like walls, tables and blurred backgrounds.

    They are easily mistaken for haze.
    """
    colour = rng.uniform(0.25, 1.0) * _log_uniform(BALANCE, rng, 3)
    light = 1 + np.float32(rng.uniform(0.0, 0.3)) * smooth_field(image.shape, 3, rng)
    return _cover(image, light[..., None] * colour, rng)


def add_striped_patches(image: Image, rng: np.random.Generator) -> Image:
    """Parts covered by bent stripes of any two colours, like blinds, cloth, grass and zebras.

    They are easily mistaken for rain.
    """
    rows, columns = np.indices(image.shape[:2], np.float32)
    angle, period = rng.uniform(0.0, np.pi), _log_uniform(PERIOD, rng)
    across = columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    bend = np.float32(rng.uniform(0.0, 4 * np.pi)) * smooth_field(image.shape, 3, rng)
    wave = np.sin(2 * np.pi * across / period + bend)
    second_part = np.clip(0.5 + _log_uniform(SHARPNESS, rng) * wave, 0.0, 1.0)[..., None]
    first, second = (rng.uniform(0.0, 1.0) * _log_uniform(BALANCE, rng, 3) for _ in range(2))
    light = 1 + np.float32(rng.uniform(0.0, 0.3)) * smooth_field(image.shape, 3, rng)
    return _cover(image, light[..., None] * (first + second_part * (second - first)), rng)


def _cover(image: Image, surface: Image, rng: np.random.Generator) -> Image:
    """Parts of the image covered by a surface, with soft or sharp edges."""
    softness = np.float32(10 ** rng.uniform(-2.0, 0.0))
    edge = smooth_field(image.shape, 4, rng) - np.float32(rng.uniform(-0.4, 0.4))
    hidden = np.clip(0.5 + edge / softness, 0.0, 1.0)[..., None]
    return np.clip(image + hidden * (surface - image), 0.0, 1.0, dtype=np.float32)


def zoom_in(image: Image, rng: np.random.Generator) -> Image:
    """The centre enlarged, with fine grain: soft and smooth like a close-up.

    The grain distinguishes it from an upscaled low-resolution image.
    """
    height, width = image.shape[:2]
    factor = rng.uniform(*ZOOM)
    rows, columns = (max(1, round(side / factor)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = image[top : top + rows, left : left + columns]
    enlarged = cv2.resize(middle, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = rng.standard_normal(image.shape, np.float32)
    size = rng.uniform(*GRAIN_SIZE)
    if size > 0.2:  # a narrower Gaussian changes nothing
        grain = cv2.GaussianBlur(grain, (0, 0), size)
    grain *= _log_uniform(GRAIN, rng) / max(float(grain.std()), 1e-6)
    return np.clip(enlarged + grain, 0.0, 1.0, dtype=np.float32)


def _log_uniform(bounds: tuple[float, float], rng: np.random.Generator, count: int = 1) -> Image:
    low, high = np.log(bounds)
    return np.exp(rng.uniform(low, high, count)).astype(np.float32)


AUGMENTATIONS: Mapping[str, Callable[[Image, np.random.Generator], Image]] = {
    "tone": change_tone,
    "zoom": zoom_in,
    "flat_patches": add_flat_patches,
    "striped_patches": add_striped_patches,
    "contrast": reduce_contrast,
}
"""Keys of a recipe's ``[augmentation]``, in the order in which they are applied."""
