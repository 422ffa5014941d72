"""Between pixels of an image, of any type, and what networks take: float32 RGB in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.alpha import fill_hidden

Image = NDArray[Any]


def split_alpha(image: Image) -> tuple[Image, Image | None, NDArray[np.bool_] | None]:
    """Colours, alpha ``(H, W, 1)`` and what it hides ``(H, W)``, both None where there is none.

    Colours under fully transparent pixels are replaced by those near them.
    """
    if image.ndim == 2 or image.shape[2] == 3:
        return image, None, None
    colour, alpha = image[..., :-1], image[..., -1:]
    hidden = alpha[..., 0] == 0  # (H, W)
    return fill_hidden(colour, hidden) if hidden.any() else colour, alpha, hidden


def pad_right(image: Image, height: int, width: int) -> Image:
    """Reflection at the lower and right edge up to a size."""
    down, right = height - image.shape[0], width - image.shape[1]
    if down == right == 0:
        return image
    widths = [(0, down), (0, right), (0, 0)][: image.ndim]
    return np.pad(image, widths, mode="reflect")


def to_planes(image: Image) -> NDArray[np.float32]:
    """(H, W[, C]) of any type → (1, 3, H, W) float32 in [0, 1]; channels are last in memory.

    That is the layout of most images, and the one in which PyTorch computes on CPUs and GPUs.
    """
    planes = np.empty((*image.shape[:2], 3), np.float32)
    planes[...] = np.atleast_3d(image)
    planes /= np.float32(1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max)
    return planes.transpose(2, 0, 1)[None]


def from_planes(planes: NDArray[np.float32], target: Image) -> None:
    """(H, W, 3) in [0, 1] → (H, W[, C]) of any type; ``planes`` is used as memory for it."""
    if target.ndim == 2 or target.shape[2] == 1:
        planes = planes.mean(2, keepdims=True).reshape(target.shape)
    if target.dtype.kind != "f":
        planes *= np.float32(np.iinfo(target.dtype).max)
        np.rint(planes, out=planes)
    target[...] = planes
