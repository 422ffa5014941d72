"""Pixels and metadata → an image file.

Pillow writes JPEG, WebP and BMP. PNG and TIFF are written here, since no library writes 16 bit with
all metadata: Pillow has no 16-bit colour, OpenCV no metadata and no grey with alpha, tifffile no
EXIF directory. Both formats are a few fields around zlib's output.
Source: PNG (W3C, third edition), TIFF 6.0 with the Deflate compression of its supplement 2.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import putchunk

from osr.images.deflate import LAST_BLOCK, ZLIB_HEADER, deflate
from osr.images.formats import format_of
from osr.images.metadata import (
    BIG_TIFF_HEADER,
    TIFF_HEADER,
    directory_behind,
    fitting_profile,
    photograph_tags,
    unrotated,
    usable_dpi,
)
from osr.images.picture import Content
from osr.threads import on_threads
from osr_core.strips import Rows

_JPEG_SEGMENT_BYTES = 65533 - 29  # beside its length and the longer header, XMP's
_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"  # not compressed, no language
_IDAT_BYTES = 1 << 20  # OpenCV warns of chunks above 8 MB
_STRIP_BYTES = 1 << 18
_TIFF_BYTES = 4_000_000_000  # above which offsets may need more than 32 bit


def encode(
    path: Path, picture: Content[Rows], quality: int, strips: Iterable[NDArray[Any]]
) -> None:
    """Write a picture in the format of the path's suffix; see :func:`osr.images.write`."""
    exif, dpi = unrotated(picture.exif or b"")[0], usable_dpi(picture.dpi)
    icc = fitting_profile(picture.icc, picture.pixels.shape)
    picture = replace(picture, icc=icc, exif=exif, dpi=dpi)
    name = format_of(path).name
    if name in ("PNG", "TIFF"):
        with path.open("wb") as file:
            (_write_png if name == "PNG" else _write_tiff)(file, picture, strips)
        return
    options: dict[str, Any] = {"dpi": dpi} if dpi else {}
    if name == "JPEG":
        options |= {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
        options |= {"icc_profile": icc, "exif": b"Exif\0\0" + exif if _fits(exif) else b""}
        options["xmp"] = picture.xmp if _fits(picture.xmp) else b""
    elif name == "WEBP":
        options |= {"quality": quality, "lossless": quality == 100, "exact": True}
        grey = picture.pixels.shape[2:] < (3,)  # becomes RGB
        options |= {"icc_profile": None if grey else icc, "exif": exif, "xmp": picture.xmp or b""}
    _joined(picture, strips).save(path, name, **options)


def _joined(picture: Content[Rows], strips: Iterable[NDArray[Any]]) -> Image.Image:
    """All strips as they come, so that the pixels are in memory once."""
    height, width, channels, _ = _layout(picture)
    image = Image.new(("L", "LA", "RGB", "RGBA")[channels - 1], (width, height), None)
    top = 0
    for strip in strips:
        image.paste(Image.fromarray(strip), (0, top))
        top += len(strip)
    return image


def _fits(content: bytes | None) -> bool:
    """Whether a segment of JPEG can hold it."""
    return content is not None and 0 < len(content) <= _JPEG_SEGMENT_BYTES


def _write_png(file: BinaryIO, picture: Content[Rows], strips: Iterable[NDArray[Any]]) -> None:
    """Write (H, W[, 2 to 4]) uint8 or uint16 pixels as PNG."""
    height, width, channels, item = _layout(picture)
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    file.write(b"\x89PNG\r\n\x1a\n")
    putchunk(file, b"IHDR", struct.pack(">2L5B", width, height, 8 * item, colour_type, 0, 0, 0))
    for name, content in picture.chunks.items():
        putchunk(file, name, content)
    if picture.icc:
        putchunk(file, b"iCCP", b"ICC Profile\0\0" + zlib.compress(picture.icc))
    if picture.dpi:
        per_metre = (round(value / 0.0254) for value in picture.dpi)
        putchunk(file, b"pHYs", struct.pack(">2LB", *per_metre, 1))
    if picture.exif:
        putchunk(file, b"eXIf", picture.exif)
    if picture.xmp:
        putchunk(file, b"iTXt", _XMP_KEYWORD + picture.xmp)
    blocks = _blocks(strips, max(1, _IDAT_BYTES // (width * channels * item)))
    head, checksum = ZLIB_HEADER, 1
    for filtered, data in on_threads(_deflated, _with_row_above(blocks)):
        putchunk(file, b"IDAT", head, data)
        head, checksum = b"", zlib.adler32(filtered.data, checksum)
    putchunk(file, b"IDAT", LAST_BLOCK, struct.pack(">L", checksum))
    putchunk(file, b"IEND", b"")


def _layout(picture: Content[Rows]) -> tuple[int, int, int, int]:
    """Height, width, channels and bytes of a sample."""
    height, width, channels = (*picture.pixels.shape, 1)[:3]
    return height, width, channels, picture.pixels.dtype.itemsize


def _blocks(strips: Iterable[NDArray[Any]], rows: int) -> Iterator[NDArray[Any]]:
    """The same rows, (rows, W, C) at a time; fewer in the last."""
    rest: NDArray[Any] | None = None
    for strip in strips:
        top = 0
        if rest is not None:
            top = rows - len(rest)
            rest = np.concatenate((rest, strip[:top]))
            if len(rest) < rows:
                continue
            yield np.atleast_3d(rest)
        whole = top + (len(strip) - top) // rows * rows
        for first in range(top, whole, rows):
            yield np.atleast_3d(strip[first : first + rows])
        rest = strip[whole:] if whole < len(strip) else None
    if rest is not None:
        yield np.atleast_3d(rest)


def _with_row_above(blocks: Iterable[NDArray[Any]]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Each block with the row above it, which is 0 above the first."""
    above: NDArray[Any] | None = None
    for block in blocks:
        yield block, np.zeros_like(block[0]) if above is None else above
        above = block[-1].copy()


def _deflated(pair: tuple[NDArray[Any], NDArray[Any]]) -> tuple[NDArray[np.uint8], bytes]:
    """Rows of bytes, each as its difference from the row above, and these compressed.

    PNG filter type 2, "Up". On photographs it takes about 1 % more bytes than Pillow's choice of a
    filter for each row.
    """
    block, above = (np.ascontiguousarray(p, p.dtype.newbyteorder(">")) for p in pair)
    rows = block.view(np.uint8).reshape(len(block), -1)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    np.subtract(rows[0], above.view(np.uint8).ravel(), out=filtered[0, 1:])
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered, deflate(filtered.data, part=True)


def _write_tiff(file: BinaryIO, picture: Content[Rows], strips: Iterable[NDArray[Any]]) -> None:
    """Write (H, W[, 2 to 4]) uint8 or uint16 pixels as TIFF, deflated; alpha is unassociated.

    The directory follows the pixels, which are written as they come. Above 4 GB it is a BigTIFF.
    """
    height, width, channels, item = _layout(picture)
    header = BIG_TIFF_HEADER if height * width * channels * item > _TIFF_BYTES else TIFF_HEADER
    rows = max(1, _STRIP_BYTES // (width * channels * item))
    file.write(header)
    offsets, lengths = [], []
    for data in on_threads(_predicted, _blocks(strips, rows)):
        offsets.append(file.tell())
        lengths.append(len(data))
        file.write(data)
    tags = photograph_tags(io.BytesIO(picture.exif)) if picture.exif else {}
    tags |= {
        256: width,
        257: height,
        258: (8 * item,) * channels,
        259: 8,  # compression: Deflate
        262: 2 if channels > 2 else 1,  # RGB, or grey whose 0 is black
        273: tuple(offsets),
        277: channels,
        278: rows,
        279: tuple(lengths),
        317: 2,  # predictor: the pixel to the left
    }
    if channels in (2, 4):
        tags[338] = 2  # the extra sample is unassociated alpha
    if picture.dpi:
        tags |= {282: picture.dpi[0], 283: picture.dpi[1], 296: 2}  # per inch
    if picture.icc:
        tags[34675] = picture.icc
    if picture.xmp:
        tags[700] = picture.xmp
    file.write(b"\0" * (-file.tell() % 8))
    end = file.tell()
    file.write(directory_behind(tags, header, end))
    file.seek(4 if header == TIFF_HEADER else 8)
    file.write(struct.pack("<L" if header == TIFF_HEADER else "<Q", end))


def _predicted(block: NDArray[Any]) -> bytes:
    """Pixels as differences from those to the left, compressed."""
    strip = block.astype(block.dtype.newbyteorder("<"), order="C")
    strip[:, 1:] -= strip[:, :-1].copy()
    return deflate(strip.data)
