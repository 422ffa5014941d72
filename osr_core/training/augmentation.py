"""What is done to a clear crop before it is damaged, so that few photographs go a long way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXPOSURE = (0.25, 1.25)
"""Factor of all channels, drawn log-uniformly."""

GAMMA = (0.67, 1.5)
"""Exponent of the tone curve, drawn log-uniformly."""

BALANCE = (0.87, 1.15)
"""Factor of each channel by itself, drawn log-uniformly."""


VEIL = (0.05, 0.6)
"""Share of an even light in a pale picture, drawn uniformly."""

CLOSER = (1.0, 3.0)
"""Enlargement of a close-up, drawn uniformly."""


def turn(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """One of the eight ways to lay a square crop down, (S, S, C), equally often."""
    return np.ascontiguousarray(np.rot90(mirror(image, rng), int(rng.integers(4))))


def mirror(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """As it is or with left and right exchanged, (H, W, C): for what has an up and a down."""
    return image[:, ::-1] if rng.random() < 0.5 else image


def retone(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another exposure, tone curve and white balance; black stays black.

    A network that has met dark, pale and tinted pictures among the clear ones has less reason to
    take tones for damage.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of the factors.

    Returns:
        The same shape, in [0, 1].

    >>> bool(retone(np.zeros((4, 4, 3), np.float32), np.random.default_rng(0)).any())
    False
    """
    exposure, gamma = _log_uniform(EXPOSURE, rng), _log_uniform(GAMMA, rng)
    balance = _log_uniform(BALANCE, rng, 3)
    toned = np.power(image, np.float32(gamma)) * np.float32(exposure) * balance
    return np.clip(toned, 0.0, 1.0, dtype=np.float32)


def fade(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Pale: an even, slightly tinted light over all of it.

    Haze grows with distance. What is as pale near as far is not hazy, and a network learns to leave
    it alone from such pictures among the clear ones.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of the light.

    Returns:
        The same shape, in [0, 1].
    """
    share = np.float32(rng.uniform(*VEIL))
    light = np.minimum(rng.uniform(0.4, 1.0) * _log_uniform(BALANCE, rng, 3), np.float32(1))
    return np.asarray(image + share * (light - image), np.float32)


def close_up(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The middle, enlarged: soft, with large even parts, as photographs of near things are.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of the enlargement.

    Returns:
        The same shape, in [0, 1].
    """
    import cv2

    height, width = image.shape[:2]
    factor = rng.uniform(*CLOSER)
    rows, columns = (max(1, round(side / factor)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = image[top : top + rows, left : left + columns]
    enlarged = cv2.resize(middle, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(enlarged, 0.0, 1.0, dtype=np.float32)


def _log_uniform(
    bounds: tuple[float, float], rng: np.random.Generator, count: int = 1
) -> NDArray[np.float32]:
    low, high = np.log(bounds)
    return np.exp(rng.uniform(low, high, count)).astype(np.float32)
