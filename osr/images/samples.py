"""Samples of 8 and 16 bit from the libraries that decode them.

Pillow decodes 8 bit and detects corrupted files; OpenCV and tifffile decode 16 bit, of which Pillow
would keep only the upper half.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile

from osr_core.errors import ImageError

_ROWS = 256  # that are copied at a time

_MODES = {
    "L": "L", "1": "L",
    "LA": "LA", "La": "LA",
    "RGB": "RGB", "RGBX": "RGB", "YCbCr": "RGB", "CMYK": "RGB", "P": "RGB",
    "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA",
}  # fmt: skip
"""Pillow's mode of a file → the mode it is read as."""


def decode_8_bit(image: ImageFile, icc: bytes | None) -> tuple[NDArray[Any], bytes | None]:
    """8-bit grey, grey + alpha, RGB or RGBA, and the profile that then holds."""
    if image.mode not in _MODES:
        raise ImageError(f"cannot be read: its pixels are {image.mode}; save it as grey or RGB")
    mode = _MODES[image.mode]
    if mode in ("L", "RGB") and "transparency" in image.info:
        mode += "A"
    if image.mode == "CMYK" and icc is not None:
        return _array(_cmyk_to_srgb(image, icc)), None
    return _array(image if image.mode == mode else image.convert(mode)), icc


def _array(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels, which NumPy alone would copy twice, some rows at a time."""
    width, height = image.size
    shape = (height, width, len(image.getbands()))
    pixels = np.empty(shape if shape[2] > 1 else shape[:2], np.uint8)
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        pixels[top:bottom] = image.crop((0, top, width, bottom))
    return pixels


def decode_16_bit(data: bytes) -> NDArray[np.uint16]:
    """A PNG, TIFF or JPEG 2000 file as (H, W) or (H, W, 3 or 4), channels in the order RGBA."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ImageError("cannot be read: an unusual 16-bit file; save it as plain PNG or TIFF")
    return pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def _cmyk_to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    except ImageCms.PyCMSError:  # the profile is broken or not one for CMYK
        converted = None
    return converted or image.convert("RGB")
