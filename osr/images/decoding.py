"""An image file's bytes → pixels and metadata."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from osr.images.bombs import check_scans, check_size
from osr.images.formats import Format, bit_depth, identify, open_image
from osr.images.metadata import fitting_profile, orient, png_chunks, unrotated, unrotated_xmp
from osr.images.picture import Picture, first_of
from osr.images.samples import decode_8_bit, decode_16_bit
from osr.images.tiff import decode_tiff

_HEAD_BYTES = 65536


def decode(file: BinaryIO, max_pixels: int, page: int | None = None) -> Picture:
    """Decode a page or frame of a file; its content decides on the format.

    Args:
        file: at its beginning.
        max_pixels: the size is checked before any pixel is decoded.
        page: from 0; by default the first, with a note that there are others.

    Raises:
        ImageError: if it holds no image, none that can be read, or more than ``max_pixels``.
        Exception: Pillow, OpenCV and tifffile raise errors of many kinds on corrupted files.
    """
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    format = identify(head)
    if format.name == "JPEG":
        check_scans(file)
    if format.name == "TIFF":
        stored, orientation = decode_tiff(file, max_pixels, page or 0)
    else:
        stored, orientation = _decode(file, format, head, max_pixels, page or 0)
    pixels = orient(stored.pixels, orientation)
    icc, xmp = fitting_profile(stored.icc, pixels.shape), unrotated_xmp(stored.xmp, orientation)
    note = stored.note if page is None else None
    return replace(stored, pixels=pixels, icc=icc, xmp=xmp, note=note)


def count_pages(file: BinaryIO) -> int:
    """Number of pages or frames of a file; raises as :func:`decode`."""
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    format = identify(head)
    if format.name == "TIFF":
        with tifffile.TiffFile(file) as tiff:
            return len(tiff.pages)
    return int(getattr(open_image(format, file), "n_frames", 1))


def _decode(
    file: BinaryIO, format: Format, head: bytes, max_pixels: int, page: int
) -> tuple[Picture, int]:
    """The picture as stored, and its orientation."""
    image = open_image(format, file)
    check_size(*image.size, max_pixels)
    if page:
        image.seek(page)
    image.load()  # of every file: this detects corruption, and finds metadata after the pixels
    info, bits = image.info, bit_depth(format, head)
    icc, note = info.get("icc_profile"), first_of(getattr(image, "n_frames", 1))
    if bits > 8 and format.name in ("PNG", "JPEG2000") and not page:  # later frames as 8 bit
        file.seek(0)
        pixels: NDArray[Any] = decode_16_bit(file.read())
        if format.name == "PNG" and head[25] == 4:  # grey with alpha, of which OpenCV makes RGBA
            pixels = pixels[..., [0, 3]]
        if bits < 16:
            pixels = np.rint(pixels * (65535 / (2**bits - 1))).clip(0, 65535).astype(np.uint16)
    else:
        pixels, icc = decode_8_bit(image, icc)
        if bits > 8:
            note = "; ".join(filter(None, (note, f"{bits} bit read as 8 bit")))
    exif, orientation = unrotated((info.get("exif") or b"").removeprefix(b"Exif\0\0"))
    chunks = png_chunks(file) if format.name == "PNG" else {}
    picture = Picture(pixels, icc, exif or None, info.get("xmp"), info.get("dpi"), chunks, note)
    return picture, orientation
