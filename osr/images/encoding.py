"""Pixels and metadata → an image file.

Pillow writes all but 16-bit PNG and TIFF, which no library at hand writes whole: Pillow has no
16-bit colour, OpenCV no metadata and no grey with alpha, tifffile no EXIF directory. Both formats
are a few fields around zlib's output.
Source: PNG (W3C, third edition), TIFF 6.0 with the Deflate compression of its supplement 2.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from osr.images.formats import format_of
from osr.images.metadata import (
    TIFF_HEADER,
    directory,
    fitting_profile,
    photograph_tags,
    resolution_tags,
    unrotated,
    usable_dpi,
)
from osr.images.picture import Picture

_LEVEL = 3  # of zlib: on photographs 6 takes up to twice the time for about as many bytes

_JPEG_SEGMENT_BYTES = 65533 - 29  # beside its length and the longer header, XMP's
_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"  # not compressed, no language
_IDAT_BYTES = 1 << 20  # OpenCV warns of chunks above 8 MB
_STRIP_BYTES = 1 << 18


def encode(path: Path, picture: Picture, quality: int) -> None:
    """Write a picture in the format of the path's suffix; see :func:`osr.images.write`."""
    pixels, exif = picture.pixels, picture.exif and unrotated(picture.exif)[0]
    icc, dpi = fitting_profile(picture.icc, pixels), usable_dpi(picture.dpi)
    picture = replace(picture, icc=icc, exif=exif, dpi=dpi)
    name = format_of(path).name
    if name == "TIFF" or pixels.dtype == np.uint16:
        with path.open("wb") as file:
            (_write_tiff if name == "TIFF" else _write_png16)(file, picture)
        return
    options: dict[str, Any] = {"icc_profile": picture.icc, "exif": exif or b""}
    options |= {"dpi": picture.dpi} if picture.dpi else {}
    if name == "PNG":
        options |= {"compress_level": _LEVEL, "pnginfo": _png_info(picture)}
    elif name == "JPEG":
        options |= {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
        options["exif"] = _segment(exif, b"Exif\0\0")
        options["xmp"] = _segment(picture.xmp)
    elif name == "WEBP":
        options |= {"quality": quality, "lossless": quality == 100, "exact": True}
        options["xmp"] = picture.xmp or b""
        if pixels.shape[2:] < (3,):  # grey becomes RGB
            options["icc_profile"] = None
    Image.fromarray(pixels).save(path, name, **options)


def _segment(content: bytes | None, header: bytes = b"") -> bytes:
    """What fits into a segment of JPEG, with its header; else nothing."""
    fits = content is not None and len(content) <= _JPEG_SEGMENT_BYTES
    return header + content if fits and content else b""


def _png_info(picture: Picture) -> PngInfo:
    info = PngInfo()
    for name, content in picture.chunks.items():
        info.add(name, content)
    if picture.xmp:
        info.add(b"iTXt", _XMP_KEYWORD + picture.xmp)
    return info


def _write_png16(file: BinaryIO, picture: Picture) -> None:
    """Write (H, W[, 2 to 4]) uint16 pixels as PNG."""
    pixels = picture.pixels
    height, width, channels = np.atleast_3d(pixels).shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">2L5B", width, height, 16, colour_type, 0, 0, 0))
    for name, content in picture.chunks.items():
        _chunk(file, name, content)
    if picture.icc:
        _chunk(file, b"iCCP", b"ICC Profile\0\0" + zlib.compress(picture.icc))
    if picture.dpi:
        per_metre = (round(value / 0.0254) for value in picture.dpi)
        _chunk(file, b"pHYs", struct.pack(">2LB", *per_metre, 1))
    if picture.exif:
        _chunk(file, b"eXIf", picture.exif)
    if picture.xmp:
        _chunk(file, b"iTXt", _XMP_KEYWORD + picture.xmp)
    data = zlib.compress(_filtered(pixels).data, _LEVEL)
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


def _write_tiff(file: BinaryIO, picture: Picture) -> None:
    """Write (H, W[, 2 to 4]) uint8 or uint16 pixels as TIFF, deflated; alpha is unassociated."""
    planes = np.atleast_3d(picture.pixels)
    height, width, channels = planes.shape
    rows = max(1, _STRIP_BYTES // (width * channels * planes.itemsize))
    strips = list(_strips(planes, rows))
    lengths = [len(strip) for strip in strips]
    tags = resolution_tags(picture.dpi) if picture.dpi else {}
    tags |= photograph_tags(picture.exif) if picture.exif else {}
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
    if picture.icc:
        tags[34675] = picture.icc
    if picture.xmp:
        tags[700] = picture.xmp
    file.write(TIFF_HEADER + directory(tags).tobytes(len(TIFF_HEADER)))
    file.writelines(strips)


def _strips(planes: NDArray[Any], rows: int) -> Iterator[bytes]:
    for top in range(0, len(planes), rows):
        strip = planes[top : top + rows].astype(planes.dtype.newbyteorder("<"), order="C")
        strip[:, 1:] -= strip[:, :-1]
        yield zlib.compress(strip.data, _LEVEL)
