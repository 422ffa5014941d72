"""Image files whose decoding takes far more time or memory than their pixels."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from tifffile import TiffPage

from osr_core.errors import ImageError

MAX_SIDE = 300_000
"""Longest side of an image in pixels."""

MAX_SCANS = 100
"""Scans of a JPEG file; a progressive one has about ten, and each is decoded over all pixels."""

_SCAN = b"\xff\xda"
_CHUNK = 1 << 20
_DEFLATE = (8, 32946)


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise :class:`ImageError` if an image has no pixels, or too many."""
    if width * height == 0:
        raise ImageError(f"has no pixels: {width} × {height}")
    if width * height > max_pixels:
        raise ImageError(
            f"{width} × {height} pixels are more than the limit of {max_pixels:,} for this file; "
            "raise it if you trust it (--max-pixels)"
        )
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"{width} × {height} pixels: no side may exceed {MAX_SIDE}; split it")


def check_scans(file: BinaryIO) -> None:
    """Raise :class:`ImageError` if a JPEG file has more than :data:`MAX_SCANS`.

    Within a scan 0xFF is always followed by 0, so the marker cannot occur by chance there.
    """
    scans, last = 0, b""
    while chunk := file.read(_CHUNK):
        scans += (last + chunk).count(_SCAN)
        last = chunk[-1:]
    file.seek(0)
    if scans > MAX_SCANS:
        raise ImageError(f"has {scans} scans, more than {MAX_SCANS}; save it as a baseline JPEG")


def check_strips(page: TiffPage, data: bytes) -> None:
    """Raise :class:`ImageError` if a deflated strip or tile holds more than its pixels.

    tifffile would inflate it whole: 1 MB can become 1 GiB.
    """
    if page.compression not in _DEFLATE:
        return
    rows, width = (
        (page.tilelength, page.tilewidth)
        if page.is_tiled
        else (min(page.rowsperstrip, page.imagelength), page.imagewidth)
    )
    expected = rows * width * page.samplesperpixel * page.bitspersample // 8
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        inflate = zlib.decompressobj()
        inflate.decompress(data[offset : offset + length], expected + 1)
        if inflate.unconsumed_tail:
            raise ImageError("a strip inflates to more than its pixels; is it corrupted?")
