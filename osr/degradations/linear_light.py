"""sRGB values to linear light and back: IEC 61966-2-1.

Photons add up in linear light and nowhere else, so exposure and sensor noise belong there.
"""

from __future__ import annotations

import numpy as np

from osr_core.checks import Image


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
