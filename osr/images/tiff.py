"""TIFF files: a page as one array. By rows: :mod:`.tiff_rows`."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from osr.images.bombs import check_size, check_strips
from osr.images.metadata import exif_and_dpi_of_tiff, unrotated
from osr.images.picture import Picture, first_of
from osr.images.samples import decode_8_bit, decode_16_bit
from osr_core.errors import ImageError

_ICC_PROFILE, _XMP = 34675, 700  # tags
_GREY_OR_RGB = (0, 1, 2)  # photometric interpretation; 0: grey whose 0 is white
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha
_TIFFFILE_DECODES = (1, 8, 32946)  # compression none or Deflate; the rest would need imagecodecs


def decode_tiff(file: BinaryIO, max_pixels: int, page: int = 0) -> tuple[Picture, int]:
    """A page as stored, and its orientation; raises as :func:`.decoding.decode`."""
    file = _from_page(file, page) if page else file
    with tifffile.TiffFile(file) as tiff:
        first = tiff.pages.first
        deep = check_page(first, max_pixels)
        icc, xmp = profile_and_xmp(first)
        note = first_of(len(tiff.pages))
    file.seek(0)
    # The orientation is removed from the file, since decoders differ in whether they apply it.
    data, orientation = unrotated(file.read())
    pixels, icc = tiff_pixels(data, deep, icc)
    exif, dpi = exif_and_dpi_of_tiff(io.BytesIO(data), first.offset)
    return Picture(pixels, icc, exif, xmp, dpi, note=note), orientation


def check_page(page: tifffile.TiffPage, max_pixels: int) -> bool:
    """Whether a page has 16 bit; :class:`ImageError` if it cannot be read or is too large."""
    check_size(page.imagewidth, page.imagelength, max_pixels)
    kind, bits = page.dtype, page.bitspersample
    if kind is None or kind.kind not in "bu" or bits not in (1, 2, 4, 8, 16):
        raise ImageError(f"cannot be read: its pixels are {kind}; save it with 8 or 16 bit")
    return bits == 16 and page.photometric in _GREY_OR_RGB


def profile_and_xmp(page: tifffile.TiffPage) -> tuple[bytes | None, bytes | None]:
    """The ICC profile and the XMP packet of a page."""
    return page.tags.valueof(_ICC_PROFILE), page.tags.valueof(_XMP)


def tiff_pixels(data: bytes, deep: bool, icc: bytes | None) -> tuple[NDArray[Any], bytes | None]:
    """The pixels of a file's first page, and the profile that then holds.

    Args:
        data: the file.
        deep: whether the page has 16 bit; see :func:`check_page`.
        icc: its profile.
    """
    if deep:
        return _pixels_16_bit(data), icc
    return decode_8_bit(_TiffFile(io.BytesIO(data)), icc)


class _TiffFile(TiffImageFile):
    def load_prepare(self) -> None:
        """Skip Pillow's limit on pixels, which alone of its formats TIFF asks for once more."""
        ImageFile.load_prepare(self)

    def load_end(self) -> None:
        """Leave the pixels as they are: Pillow would turn them by an orientation in XMP."""


def _pixels_16_bit(data: bytes) -> NDArray[np.uint16]:
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        if page.compression in _TIFFFILE_DECODES:
            check_strips(page, data)
            samples = np.atleast_3d(page.asarray())
            if page.planarconfig == 2 and page.samplesperpixel > 1:
                samples = np.moveaxis(samples, 0, 2)
        else:
            samples = np.atleast_3d(decode_16_bit(data))
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


def _from_page(file: BinaryIO, page: int) -> BinaryIO:
    """A TIFF stream whose first page is another one."""
    data = bytearray(file.read())
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        order, big = tiff.byteorder, tiff.is_bigtiff
        offset = tiff.pages[page].offset
    struct.pack_into(f"{order}{'Q' if big else 'L'}", data, 8 if big else 4, offset)
    return io.BytesIO(data)
