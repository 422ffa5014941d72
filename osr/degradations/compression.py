"""Degradation by lossy files: JPEG and WebP."""

from __future__ import annotations

import numpy as np

from osr_core.checks import Image, check_image, check_range
from osr_core.errors import ImageError, OptionError

_LARGEST_SIDE = {".jpg": 65500, ".webp": 16383}
"""What libjpeg and WebP's format can hold."""


def jpeg(image: Image, quality: float, chroma: float = 420) -> Image:
    """Compress and decompress as a baseline JPEG.

    Args:
        image: (H, W, 3) float32 in [0, 1]; clipped to that and rounded to 8 bit first.
        quality: 1 to 100, as libjpeg scales the tables of ITU-T T.81, Annex K.
        chroma: 420 halves the resolution of colour in both directions, as most cameras do, 444
            keeps it.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32, or has a side of more than 65500
            pixels.
        OptionError: if ``quality`` or ``chroma`` is another.
    """
    import cv2

    if chroma not in (420, 444):
        raise OptionError(f"chroma must be 420 or 444, not {chroma:g}")
    factor = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        if chroma == 420
        else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    flags = [cv2.IMWRITE_JPEG_QUALITY, int(quality), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    return _stored(image, ".jpg", quality, flags)


def webp(image: Image, quality: float) -> Image:
    """Compress and decompress as a lossy WebP, whose colour always has half the resolution.

    Args:
        image: (H, W, 3) float32 in [0, 1]; clipped to that and rounded to 8 bit first.
        quality: 1 to 100, as libwebp defines it.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32, or has a side of more than 16383
            pixels.
        OptionError: if ``quality`` leaves its range.
    """
    import cv2

    return _stored(image, ".webp", quality, [cv2.IMWRITE_WEBP_QUALITY, int(quality)])


def _stored(image: Image, suffix: str, quality: float, flags: list[int]) -> Image:
    import cv2

    check_image(image)
    check_range("quality", quality, 1, 100)
    largest = _LARGEST_SIDE[suffix]
    if max(image.shape) > largest:
        raise ImageError(f"image of shape {image.shape}: {suffix} holds at most {largest} a side")
    pixels = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    _, encoded = cv2.imencode(suffix, np.ascontiguousarray(pixels[:, :, ::-1]), flags)
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.float32)
    return np.ascontiguousarray(decoded[:, :, ::-1]) / np.float32(255.0)
