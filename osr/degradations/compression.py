"""Degradation by lossy files: JPEG and WebP."""

from __future__ import annotations

import cv2
import numpy as np

from osr_core.checks import Image, check_image
from osr_core.errors import ImageError


def jpeg(image: Image, quality: float, chroma: float = 420) -> Image:
    """Compress and decompress as a baseline JPEG.

    Args:
        image: (H, W, 3) float32 in [0, 1], no side over 65500; clipped and rounded to 8 bit first.
        quality: 1 to 100, as libjpeg scales the tables of ITU-T T.81, Annex K.
        chroma: 420 halves the resolution of colour in both directions, as most cameras do, 444
            keeps it.
    """
    factor = {
        420: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        444: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    }[int(chroma)]
    flags = [cv2.IMWRITE_JPEG_QUALITY, int(quality), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    return _compressed(image, ".jpg", 65500, flags)


def webp(image: Image, quality: float) -> Image:
    """Compress and decompress as a lossy WebP, whose colour always has half the resolution.

    Args:
        image: (H, W, 3) float32 in [0, 1], no side over 16383; clipped and rounded to 8 bit first.
        quality: 1 to 100, as libwebp defines it.
    """
    return _compressed(image, ".webp", 16383, [cv2.IMWRITE_WEBP_QUALITY, int(quality)])


def _compressed(image: Image, suffix: str, largest: int, flags: list[int]) -> Image:
    if max(check_image(image).shape) > largest:
        raise ImageError(f"image of shape {image.shape}: {suffix} holds at most {largest} a side")
    pixels = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    _, encoded = cv2.imencode(suffix, np.ascontiguousarray(pixels[:, :, ::-1]), flags)
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.float32)
    return np.ascontiguousarray(decoded[:, :, ::-1]) / np.float32(255.0)
