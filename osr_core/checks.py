"""Checks of images and of numbers within a range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import ImageError, OptionError

Image = NDArray[np.float32]
"""(H, W, 3) float32, RGB, nominally in [0, 1]."""


def check_image(image: Any) -> Image:
    """Return ``image`` if it is a (H, W, 3) float32 array with at least one pixel.

    Raises:
        ImageError: if it is anything else. Values are not looked at: noise may leave [0, 1].
    """
    if not isinstance(image, np.ndarray):
        raise ImageError(f"image must be a NumPy array, not {type(image).__name__}")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ImageError(f"image must have the shape (H, W, 3), not {image.shape}")
    if image.dtype != np.float32:
        raise ImageError(f"image must be float32 in [0, 1], not {image.dtype}: convert it first")
    return image


def check_range(name: str, value: float, low: float, high: float = math.inf) -> float:
    """Return ``value`` if it lies in [low, high].

    Raises:
        OptionError: if it does not, or is not a number; the message names the option.
    """
    if not low <= value <= high:  # also catches NaN
        wanted = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
        raise OptionError(f"{name} must be {wanted}, not {value}")
    return value
