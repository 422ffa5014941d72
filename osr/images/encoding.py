"""16-bit PNG, and TIFF of any depth, with colour profile and EXIF block.

No library at hand writes these whole: Pillow has no 16-bit colour, OpenCV no metadata and no grey
with alpha, tifffile no EXIF directory. Both formats are a few fields around zlib's output.
Source: PNG (W3C, third edition), TIFF 6.0 with the Deflate compression of its supplement 2.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from osr.images.metadata import TIFF_HEADER, directory, photograph_tags

LEVEL = 3
"""Of zlib: on photographs 6 takes up to twice the time for about as many bytes."""

_IDAT_BYTES = 1 << 20  # OpenCV warns of chunks above 8 MB
_STRIP_BYTES = 1 << 18


def write_png16(
    file: BinaryIO, pixels: NDArray[np.uint16], icc: bytes | None, exif: bytes | None
) -> None:
    """Write (H, W[, 2 to 4]) uint16 pixels as PNG."""
    height, width, channels = np.atleast_3d(pixels).shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">2L5B", width, height, 16, colour_type, 0, 0, 0))
    if icc:
        _chunk(file, b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))
    if exif:
        _chunk(file, b"eXIf", exif)
    data = zlib.compress(_filtered(pixels).data, LEVEL)
    for start in range(0, len(data), _IDAT_BYTES):
        _chunk(file, b"IDAT", data[start : start + _IDAT_BYTES])
    _chunk(file, b"IEND", b"")


def _filtered(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Each row of bytes as its difference from the row above: PNG filter type 2, "Up"."""
    rows = np.ascontiguousarray(pixels, dtype=">u2").view(np.uint8).reshape(len(pixels), -1)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def _chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">L", len(data)) + name)
    file.write(data)
    file.write(struct.pack(">L", zlib.crc32(data, zlib.crc32(name))))


def write_tiff(file: BinaryIO, pixels: NDArray[Any], icc: bytes | None, exif: bytes | None) -> None:
    """Write (H, W[, 2 to 4]) uint8 or uint16 pixels as TIFF, deflated; alpha is unassociated."""
    planes = np.atleast_3d(pixels)
    height, width, channels = planes.shape
    rows = max(1, _STRIP_BYTES // (width * channels * planes.itemsize))
    strips = list(_strips(planes, rows))
    lengths = [len(strip) for strip in strips]
    tags = photograph_tags(exif) if exif else {}
    tags |= {
        256: width,
        257: height,
        258: (8 * planes.itemsize,) * channels,
        259: 8,  # compression: Deflate
        262: 2 if channels > 2 else 1,  # RGB, or grey whose 0 is black
        273: tuple(np.cumsum([0, *lengths[:-1]]).tolist()),  # Pillow adds the directory's length
        277: channels,
        278: rows,
        279: tuple(lengths),
        317: 2,  # predictor: the pixel to the left
    }
    if channels in (2, 4):
        tags[338] = 2  # the extra sample is unassociated alpha
    if icc:
        tags[34675] = icc
    file.write(TIFF_HEADER + directory(tags).tobytes(len(TIFF_HEADER)))
    file.writelines(strips)


def _strips(planes: NDArray[Any], rows: int) -> Iterator[bytes]:
    for top in range(0, len(planes), rows):
        strip = planes[top : top + rows].astype(planes.dtype.newbyteorder("<"), order="C")
        strip[:, 1:] -= strip[:, :-1]
        yield zlib.compress(strip.data, LEVEL)
