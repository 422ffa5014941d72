"""Degradation done by storing a picture: JPEG."""

from __future__ import annotations

import numpy as np

from osr_core.checks import Image, check_image, check_range
from osr_core.errors import ImageError

_LARGEST_SIDE = 65500  # libjpeg's


def jpeg(image: Image, quality: int) -> Image:
    """Compress and decompress as a baseline JPEG (libjpeg quality 1 to 100, chroma halved).

    Args:
        image: (H, W, 3) float32 in [0, 1]; clipped to that and rounded to 8 bit first.
        quality: as libjpeg scales the tables of ITU-T T.81, Annex K.

    Raises:
        ImageError: if ``image`` is not (H, W, 3) float32, or has a side of more than 65500
            pixels.
        OptionError: if ``quality`` leaves its range.
    """
    import cv2

    check_image(image)
    check_range("quality", quality, 1, 100)
    if max(image.shape) > _LARGEST_SIDE:
        raise ImageError(f"image of shape {image.shape}: JPEG holds at most {_LARGEST_SIDE} a side")
    pixels = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.float32)
    return np.ascontiguousarray(decoded[:, :, ::-1]) / np.float32(255.0)
