"""An image file's bytes → pixels and metadata.

Pillow decodes 8 bit and detects corrupted files; OpenCV and tifffile decode 16 bit, of which Pillow
would keep only the upper half.
"""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import Any, BinaryIO

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from osr.images.bombs import check_scans, check_strips
from osr.images.formats import Format, bit_depth, identify, open_image
from osr.images.metadata import (
    exif_and_dpi_of_tiff,
    fitting_profile,
    orient,
    png_chunks,
    unrotated,
    unrotated_xmp,
)
from osr.images.picture import Picture
from osr_core.errors import ImageError

MAX_SIDE = 300_000
"""Longest side of an image in pixels."""

_HEAD_BYTES = 65536
_ICC_PROFILE, _XMP = 34675, 700  # TIFF's tags
_GREY_OR_RGB = (0, 1, 2)  # TIFF's photometric interpretation; 0: grey whose 0 is white
_ASSOCIATED, _UNASSOCIATED = 1, 2  # TIFF's kinds of alpha
_TIFFFILE_DECODES = (1, 8, 32946)  # compression none or Deflate; the rest would need imagecodecs

_MODES = {
    "L": "L", "1": "L",
    "LA": "LA", "La": "LA",
    "RGB": "RGB", "RGBX": "RGB", "YCbCr": "RGB", "CMYK": "RGB", "P": "RGB",
    "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA",
}  # fmt: skip
"""Pillow's mode of a file → the mode it is read as."""


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
        stored, orientation = _decode_tiff(file if not page else _from_page(file, page), max_pixels)
    else:
        stored, orientation = _decode(file, format, head, max_pixels, page or 0)
    pixels = orient(stored.pixels, orientation)
    icc, xmp = fitting_profile(stored.icc, pixels), unrotated_xmp(stored.xmp, orientation)
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


def _from_page(file: BinaryIO, page: int) -> BinaryIO:
    """A TIFF stream whose first page is another one."""
    data = bytearray(file.read())
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        order, big = tiff.byteorder, tiff.is_bigtiff
        offset = tiff.pages[page].offset
    struct.pack_into(f"{order}{'Q' if big else 'L'}", data, 8 if big else 4, offset)
    return io.BytesIO(data)


def _decode(
    file: BinaryIO, format: Format, head: bytes, max_pixels: int, page: int
) -> tuple[Picture, int]:
    """The picture as stored, and its orientation."""
    image = open_image(format, file)
    _check_size(*image.size, max_pixels)
    if page:
        image.seek(page)
    image.load()  # of every file: this detects corruption, and finds metadata after the pixels
    info, bits = image.info, bit_depth(format, head)
    icc, note = info.get("icc_profile"), _frames(getattr(image, "n_frames", 1))
    if bits > 8 and format.name in ("PNG", "JPEG2000") and not page:  # later frames as 8 bit
        file.seek(0)
        pixels: NDArray[Any] = _decode_16_bit(file.read())
        if format.name == "PNG" and head[25] == 4:  # grey with alpha, of which OpenCV makes RGBA
            pixels = pixels[..., [0, 3]]
        if bits < 16:
            pixels = np.rint(pixels * (65535 / (2**bits - 1))).clip(0, 65535).astype(np.uint16)
    else:
        pixels, icc = _decode_8_bit(image, icc)
        if bits > 8:
            note = "; ".join(filter(None, (note, f"{bits} bit read as 8 bit")))
    exif, orientation = unrotated((info.get("exif") or b"").removeprefix(b"Exif\0\0"))
    chunks = png_chunks(file) if format.name == "PNG" else {}
    picture = Picture(pixels, icc, exif or None, info.get("xmp"), info.get("dpi"), chunks, note)
    return picture, orientation


def _frames(count: int) -> str | None:
    return f"first of {count} frames" if count > 1 else None


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height == 0:
        raise ImageError(f"has no pixels: {width} × {height}")
    if width * height > max_pixels:
        raise ImageError(
            f"{width} × {height} pixels are more than the limit of {max_pixels} for a file of "
            "its size; raise it if you trust the file (--max-pixels)"
        )
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"{width} × {height} pixels: no side may exceed {MAX_SIDE}; split it")


def _decode_8_bit(image: ImageFile, icc: bytes | None) -> tuple[NDArray[Any], bytes | None]:
    """8-bit grey, grey + alpha, RGB or RGBA, and the profile that then holds."""
    if image.mode not in _MODES:
        raise ImageError(f"cannot be read: its pixels are {image.mode}; save it as grey or RGB")
    mode = _MODES[image.mode]
    if mode in ("L", "RGB") and "transparency" in image.info:
        mode += "A"
    if image.mode == "CMYK" and icc is not None:
        return np.array(_cmyk_to_srgb(image, icc)), None
    return np.array(image if image.mode == mode else image.convert(mode)), icc


def _cmyk_to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    except ImageCms.PyCMSError:  # the profile is broken or not one for CMYK
        converted = None
    return converted or image.convert("RGB")


def _decode_16_bit(data: bytes) -> NDArray[np.uint16]:
    """A PNG, TIFF or JPEG 2000 file as (H, W) or (H, W, 3 or 4), channels in the order RGBA."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ImageError("cannot be read: an unusual 16-bit file; save it as plain PNG or TIFF")
    return pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


class _TiffFile(TiffImageFile):
    def load_prepare(self) -> None:
        """Skip Pillow's limit on pixels, which alone of its formats TIFF asks for once more."""
        ImageFile.load_prepare(self)


def _decode_tiff(file: BinaryIO, max_pixels: int) -> tuple[Picture, int]:
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        _check_size(page.imagewidth, page.imagelength, max_pixels)
        kind, bits = page.dtype, page.bitspersample
        if kind is None or kind.kind not in "bu" or bits not in (1, 2, 4, 8, 16):
            raise ImageError(f"cannot be read: its pixels are {kind}; save it with 8 or 16 bit")
        deep = bits == 16 and page.photometric in _GREY_OR_RGB
        icc, xmp = page.tags.valueof(_ICC_PROFILE), page.tags.valueof(_XMP)
        note = _frames(len(tiff.pages))
    file.seek(0)
    # The orientation is removed from the file, since decoders differ in whether they apply it.
    data, orientation = unrotated(file.read())
    if deep:
        pixels: NDArray[Any] = _decode_tiff_16_bit(data)
    else:
        pixels, icc = _decode_8_bit(_TiffFile(io.BytesIO(data)), icc)
    exif, dpi = exif_and_dpi_of_tiff(data)
    return Picture(pixels, icc, exif, xmp, dpi, note=note), orientation


def _decode_tiff_16_bit(data: bytes) -> NDArray[np.uint16]:
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        if page.compression in _TIFFFILE_DECODES:
            check_strips(page, data)
            samples = np.atleast_3d(page.asarray())
            if page.planarconfig == 2 and page.samplesperpixel > 1:
                samples = np.moveaxis(samples, 0, 2)
        else:
            samples = np.atleast_3d(_decode_16_bit(data))
    if samples.shape != (page.imagelength, page.imagewidth, page.samplesperpixel):
        raise ImageError("cannot be read: an unusual 16-bit file; save it as plain PNG or TIFF")
    channels = 3 if page.photometric == 2 else 1
    colour, extra = samples[..., :channels], samples[..., channels : channels + 1]
    if page.photometric == 0:
        colour = ~colour
    kind = next(iter(page.extrasamples), _UNASSOCIATED if extra.size else None)
    if kind == _ASSOCIATED:  # colours are stored multiplied by alpha
        colour = (colour * (65535 / np.maximum(extra, 1))).clip(0, 65535).round().astype(np.uint16)
    if kind in (_ASSOCIATED, _UNASSOCIATED):
        return np.concatenate((colour, extra), 2)
    return colour if channels == 3 else colour[..., 0]
