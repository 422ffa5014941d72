"""Augmentation of clean crops before they are degraded. Images are (H, W, 3) float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from osr.degradations import grey
from osr.training.drawings import draw_lines, draw_text
from osr.training.surfaces import (
    BALANCE,
    add_flat_patches,
    add_sky,
    add_striped_patches,
    add_texture,
    blank,
    log_uniform,
)
from osr_core.checks import Image

# Ranges of what is drawn; all but the uniform ones log-uniformly.
EXPOSURE = (0.25, 1.25)  # factor of all channels
GAMMA = (0.67, 1.5)  # exponent of the tone curve
BLACK = (0.0, 0.4)  # where reduced contrast puts black; the root is uniform
WHITE = (0.4, 1.0)  # where it puts white; uniform
ZOOM = (1.0, 3.0)  # enlargement; uniform
GRAIN = (0.5 / 255, 6 / 255)  # standard deviation of the grain of the zoom
GRAIN_SIZE = (0.0, 0.8)  # standard deviation in pixels of the Gaussian that smooths it; uniform


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
    exposure, gamma = log_uniform(EXPOSURE, rng), log_uniform(GAMMA, rng)
    balance = log_uniform(BALANCE, rng, 3)
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
    low, high = BLACK
    black = (low + (high - low) * rng.uniform() ** 2) * log_uniform(BALANCE, rng, 3)
    white = np.maximum(rng.uniform(*WHITE) * log_uniform(BALANCE, rng, 3), black)
    return np.clip(black + image * (white - black), 0.0, 1.0, dtype=np.float32)


def monochrome(image: Image, rng: np.random.Generator) -> Image:
    """Grey, half of them with reduced contrast: old and scanned photographs."""
    pale = reduce_contrast(image, rng) if rng.random() < 0.5 else image
    return grey(pale)


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
    grain *= log_uniform(GRAIN, rng) / max(float(grain.std()), 1e-6)
    return np.clip(enlarged + grain, 0.0, 1.0, dtype=np.float32)


AUGMENTATIONS: Mapping[str, Callable[[Image, np.random.Generator], Image]] = {
    "tone": change_tone,
    "zoom": zoom_in,
    "flat_patches": add_flat_patches,
    "striped_patches": add_striped_patches,
    "texture": add_texture,
    "lines": draw_lines,
    "text": draw_text,
    "sky": add_sky,
    "contrast": reduce_contrast,
    "monochrome": monochrome,
    "blank": blank,
}
"""Keys of a recipe's ``[augmentation]``, in the order in which they are applied."""

UNDER_HAZE = frozenset({"striped_patches", "texture", "lines", "text"})
"""Those that are applied under haze, too: the others change how pale the image is or how far away
it looks, which nothing shows under haze."""
