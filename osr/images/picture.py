"""The content of an image file of any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from osr_core.strips import Rows

Pixels = TypeVar("Pixels", bound=Rows, covariant=True)


@dataclass(frozen=True, eq=False)
class Content(Generic[Pixels]):
    """Pixels and metadata of an image file."""

    pixels: Pixels
    """``(H, W)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGB and
    alpha; uint8 or uint16; alpha is not multiplied into the colours."""
    icc: bytes | None = None
    """ICC profile."""
    exif: bytes | None = None
    """EXIF block: a TIFF stream, without the ``Exif`` header that precedes it in JPEG."""
    xmp: bytes | None = None
    """XMP packet."""
    dpi: tuple[float, float] | None = None
    """Horizontal and vertical resolution."""
    chunks: Mapping[bytes, bytes] = field(default_factory=dict)
    """PNG's chunks gAMA, cHRM, sRGB and cICP; no other format can hold them."""
    note: str | None = None
    """What of the file was not read, such as all frames but the first."""


@dataclass(frozen=True, eq=False)
class Picture(Content[NDArray[Any]]):
    """An image file whose pixels are an array."""

    pixels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class RowPicture(Content[Rows]):
    """An image file whose pixels are read by rows, when they are asked for."""

    pixels: Rows


def first_of(count: int) -> str | None:
    """The note that of several frames or pages the first was read."""
    return f"first of {count} frames" if count > 1 else None


def to_rgb8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels of any :class:`Picture` as ``(H, W, 3)`` uint8: alpha dropped, grey three times.

    >>> to_rgb8(np.full((2, 2, 2), 65535, np.uint16))[0, 0].tolist()
    [255, 255, 255]
    """
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / 257).astype(np.uint8)
    planes = np.atleast_3d(pixels)
    return planes[..., :3] if planes.shape[2] > 2 else np.repeat(planes[..., :1], 3, axis=2)


def to_levels(image: NDArray[Any]) -> NDArray[np.uint8]:
    """An image as a file stores it: float in [0, 1], clipped and rounded to uint8."""
    if image.dtype == np.uint8:
        return image
    levels = np.clip(image.astype(np.float64) * 255.0, 0.0, 255.0)
    return np.rint(levels, out=levels).astype(np.uint8)


def to_float(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Levels of 0 to 255 as float32 in [0, 1]."""
    return levels.astype(np.float32) / np.float32(255)


def centre(pixels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """The centre of an image, (H, W, …), of at most this size."""
    top, left = max(0, (pixels.shape[0] - height) // 2), max(0, (pixels.shape[1] - width) // 2)
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])
