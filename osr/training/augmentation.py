"""What is done to a clear crop before it is degraded, so that few photographs go a long way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXPOSURE = (0.25, 1.25)
"""Factor of all channels, drawn log-uniformly."""

GAMMA = (0.67, 1.5)
"""Exponent of the tone curve, drawn log-uniformly."""

BALANCE = (0.87, 1.15)
"""Factor of each channel by itself, drawn log-uniformly."""

BLACK = (0.0, 0.2)
"""What is left of black in a faded picture, drawn uniformly."""

WHITE = (0.4, 1.0)
"""What is left of white, drawn uniformly."""

CLOSER = (1.0, 3.0)
"""Enlargement of a close-up, drawn uniformly."""

GRAIN = (0.5 / 255, 6 / 255)
"""Standard deviation of the grain of a close-up, drawn log-uniformly."""

GRAIN_SIZE = (0.0, 0.8)
"""Standard deviation of the Gaussian that softens it, in pixels, drawn uniformly."""

PERIOD = (3.0, 30.0)
"""Width of a pair of stripes in pixels, drawn log-uniformly."""

SHARPNESS = (0.3, 5.0)
"""Of the edges of stripes, drawn log-uniformly: half of the slope in the middle."""


def turn(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """One of the eight ways to lay a square crop down, (S, S, C), equally often."""
    return np.ascontiguousarray(np.rot90(mirror(image, rng), int(rng.integers(4))))


def mirror(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """As it is or with left and right exchanged, (H, W, C): for what has an up and a down."""
    return image[:, ::-1] if rng.random() < 0.5 else image


def retone(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another exposure, tone curve and white balance; black stays black.

    A network that has met dark, pale and tinted pictures among the clear ones has less reason to
    take tones for degradation.

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
    """Less contrast, as of old prints, scanned slides and scenes with nothing black in them.

    Thin haze looks the same. A network that meets it in clear pictures leaves alone what is only a
    little pale, and is left with haze that nothing else explains.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of what becomes of black and white.

    Returns:
        The same shape, in [0, 1].

    >>> faded = fade(np.eye(2, dtype=np.float32)[..., None].repeat(3, 2), np.random.default_rng(0))
    >>> bool(0 < faded.min() < faded.max() < 1)
    True
    """
    black = rng.uniform(*BLACK) * _log_uniform(BALANCE, rng, 3)
    white = np.maximum(rng.uniform(*WHITE) * _log_uniform(BALANCE, rng, 3), black)
    return np.clip(black + image * (white - black), 0.0, 1.0, dtype=np.float32)


def wall(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Parts of it behind even, softly lit surfaces, as walls, tables and blurred backgrounds are.

    To a network they look like haze, which leaves as little to be seen; from such parts of clear
    pictures it learns to leave them alone.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of shape, light and colour.

    Returns:
        The same shape, in [0, 1].
    """
    colour = rng.uniform(0.25, 1.0) * _log_uniform(BALANCE, rng, 3)
    light = 1 + np.float32(rng.uniform(0.0, 0.3)) * _field(image, 3, rng)
    return _hide(image, light[..., None] * colour, rng)


def stripes(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Parts of it behind striped surfaces, as blinds, cloth, blades of grass and zebras are.

    Stripes are to rain what walls are to haze. They bend, and are lit, gently; soft or sharp, and
    of any two colours.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of direction, width, bend, colours and shape.

    Returns:
        The same shape, in [0, 1].
    """
    rows, columns = np.indices(image.shape[:2], np.float32)
    turn, period = rng.uniform(0.0, np.pi), _log_uniform(PERIOD, rng)
    across = columns * np.float32(np.cos(turn)) + rows * np.float32(np.sin(turn))
    bend = np.float32(rng.uniform(0.0, 4 * np.pi)) * _field(image, 3, rng)
    wave = np.sin(2 * np.pi * across / period + bend)
    share = np.clip(0.5 + _log_uniform(SHARPNESS, rng) * wave, 0.0, 1.0)[..., None]
    first, second = (rng.uniform(0.0, 1.0) * _log_uniform(BALANCE, rng, 3) for _ in range(2))
    light = 1 + np.float32(rng.uniform(0.0, 0.3)) * _field(image, 3, rng)
    return _hide(image, light[..., None] * (first + share * (second - first)), rng)


def _hide(
    image: NDArray[np.float32], surface: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """A surface before parts of it, with soft or sharp edges."""
    softness = np.float32(10 ** rng.uniform(-2.0, 0.0))
    edge = _field(image, 4, rng) - np.float32(rng.uniform(-0.4, 0.4))
    hidden = np.clip(0.5 + edge / softness, 0.0, 1.0)[..., None]
    return np.clip(image + hidden * (surface - image), 0.0, 1.0, dtype=np.float32)


def _field(image: NDArray[np.float32], cells: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W): smooth, about from -1 to 1."""
    import cv2

    coarse = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    size = image.shape[1], image.shape[0]
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)


def close_up(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The middle, enlarged: soft, with large even parts, as photographs of near things are.

    The fine grain of a sensor lies over it: so it can be told from a picture that was small once,
    which is soft and has none.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of enlargement and grain.

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
    grain = rng.standard_normal(image.shape, np.float32)
    size = rng.uniform(*GRAIN_SIZE)
    if size > 0.2:  # a narrower Gaussian changes nothing
        grain = cv2.GaussianBlur(grain, (0, 0), size)
    grain *= _log_uniform(GRAIN, rng) / max(float(grain.std()), 1e-6)
    return np.clip(enlarged + grain, 0.0, 1.0, dtype=np.float32)


def _log_uniform(
    bounds: tuple[float, float], rng: np.random.Generator, count: int = 1
) -> NDArray[np.float32]:
    low, high = np.log(bounds)
    return np.exp(rng.uniform(low, high, count)).astype(np.float32)
