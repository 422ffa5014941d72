"""Numbers as colours: grey, sequential, diverging, and cyclic for phase.

Each takes an array of any shape and gives uint8 RGB with one more axis of length 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]
Colours = NDArray[np.uint8]

_BLUE_TO_RED = ((0.13, 0.30, 0.61), (0.53, 0.71, 0.87), (1, 1, 1), (0.96, 0.65, 0.51),
                (0.64, 0.08, 0.16))  # fmt: skip
_LIGHTNESS, _CHROMA = 74.0, 38.0  # of CIELAB: the widest ring of hues within sRGB


def grey(values: Values, top: float = 1.0) -> Colours:
    """0 black, ``top`` white.

    >>> grey(np.array([0.0, 3.0]), top=2.0).tolist()
    [[0, 0, 0], [255, 255, 255]]
    """
    return _bytes(np.repeat(_share(values, top)[..., None], 3, axis=-1))


def rgb(image: Values) -> Colours:
    """A picture, (..., 3) in [0, 1], as it is."""
    return _bytes(image)


def sequential(values: Values, top: float = 1.0) -> Colours:
    """0 dark violet, ``top`` yellow: viridis, whose steps look even and stay apart in grey."""
    import cv2

    levels = _bytes(_share(values, top)).reshape(-1, 1)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[:, 0, ::-1]
    return np.ascontiguousarray(colours).reshape(*values.shape, 3)


def diverging(values: Values, top: float = 1.0) -> Colours:
    """``-top`` blue, 0 white, ``top`` red.

    >>> diverging(np.array([0.0])).tolist()
    [[255, 255, 255]]
    """
    share = np.clip(values / _positive(top), -1, 1)
    knots = np.linspace(-1, 1, len(_BLUE_TO_RED))
    channels = [np.interp(share, knots, channel) for channel in zip(*_BLUE_TO_RED, strict=True)]
    return _bytes(np.stack(channels, axis=-1))


def cyclic(phase: Values, weight: Values | float = 1.0) -> Colours:
    """A phase as hue, of equal lightness all round; ``weight`` in [0, 1] darkens it to black.

    The phase is the angle in the plane of CIELAB's a* (0 is a red, π a green) and b* (π/2 a yellow,
    -π/2 a blue).

    Args:
        phase: radians, (...); whole turns make no difference.
        weight: how much of the wave there is, of the same shape or one number.
    """
    import cv2

    strength = np.broadcast_to(np.clip(weight, 0, 1), phase.shape)
    lab = np.stack((_LIGHTNESS + 0 * phase, _CHROMA * np.cos(phase), _CHROMA * np.sin(phase)), -1)
    lab *= strength[..., None]
    row = np.ascontiguousarray(lab, np.float32).reshape(-1, 1, 3)
    return _bytes(cv2.cvtColor(row, cv2.COLOR_LAB2RGB)).reshape(*phase.shape, 3)


def _share(values: Values, top: float) -> Values:
    return np.clip(values / _positive(top), 0, 1)


def _positive(top: float) -> float:
    return top if top > 0 else 1.0  # of an array of zeros


def _bytes(share: Values) -> Colours:
    return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
