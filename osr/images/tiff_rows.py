"""TIFF files read by rows, in memory that does not depend on their height.

The strips or tiles that hold some rows, with the tags that describe them, make a small TIFF file in
memory, which is decoded like any other. So all compressions can be read by rows.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from math import prod
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from osr.images.metadata import exif_and_dpi_of_tiff, fitting_profile, orient, unrotated_xmp
from osr.images.picture import RowPicture, first_of
from osr.images.tiff import check_page, profile_and_xmp, tiff_pixels

STREAMED_BYTES = 64 << 20
"""Of the pixels of a page, from which on it is read by rows, if each strip or row of tiles is
smaller."""

_SPLIT_BYTES = 1 << 20  # of the parts in which a single strip without compression is read
_NO_COMPRESSION, _OLD_JPEG = 1, 6
_YCBCR = 6  # photometric interpretation
_SEPARATE = 2  # planar configuration
_ORIENTATION, _LENGTH, _ROWS_PER_STRIP = 274, 257, 278
_STRIPS, _TILES = (273, 279), (324, 325)  # tags: offsets, lengths
_KEPT = frozenset(
    {256, 258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 322, 323, 332, 338, 339, 347}
    | {529, 530, 531, 532}
)
"""Tags that say how pixels are stored."""

_HEADERS = {"<": b"II*\0\x08\0\0\0", ">": b"MM\0*\0\0\0\x08"}

Guard = Callable[[], AbstractContextManager[object]]


class TiffRows:
    """The rows of a page; implements :class:`osr_core.strips.Rows`.

    Raises, when rows are read, what ``guard`` makes of the errors of decoders.
    """

    def __init__(
        self, file: BinaryIO, page: tifffile.TiffPage, deep: bool, icc: bytes | None, guard: Guard
    ) -> None:
        self._file, self._deep, self._guard = file, deep, guard
        weakref.finalize(self, file.close)
        self._icc, self._order = icc, page.parent.byteorder
        self._tags = _tags(file, page)
        self._tiled = page.is_tiled
        self._step, self._places = _segments(page)
        self._orientation = _orientation(page)
        self._height = page.imagelength
        first, self.icc = self._decode(0, 1)
        self.shape: tuple[int, ...] = (page.imagelength, *first.shape[1:])
        """``(H, W)`` or ``(H, W, C)``."""
        self.dtype: np.dtype[Any] = first.dtype
        """uint8 or uint16."""

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Rows of the image, upright."""
        start, stop, _ = rows.indices(self._height)
        if self._orientation in (3, 4):  # from bottom to top
            start, stop = self._height - stop, self._height - start
        first, last = start // self._step, -(-stop // self._step)
        with self._guard():
            pixels, _ = self._decode(first, last)
        top = first * self._step
        return orient(pixels[start - top : stop - top], self._orientation)

    def _decode(self, first: int, last: int) -> tuple[NDArray[Any], bytes | None]:
        """Some strips or rows of tiles as stored, and the profile that then holds."""
        places = self._places[..., first:last, :].reshape(2, -1)
        rows = min(last * self._step, self._height) - first * self._step
        offsets, lengths = places.cumsum(1)[1] - places[1], places[1]
        kinds = _TILES if self._tiled else _STRIPS
        tags = self._tags | {_LENGTH: rows, kinds[1]: tuple(lengths.tolist())}
        if not self._tiled:
            tags[_ROWS_PER_STRIP] = self._step
        data = [_HEADERS[self._order], _directory(tags, self._order, kinds[0], offsets)]
        for offset, length in places.T.tolist():
            self._file.seek(offset)
            data.append(self._file.read(length))
        return tiff_pixels(b"".join(data), self._deep, self._icc)


def stream_tiff(
    file: BinaryIO, max_pixels: int, page: int | None, guard: Guard
) -> RowPicture | None:
    """A page that is read by rows, or None if it is small or cannot be; see :class:`TiffRows`.

    The picture owns the file, and closes it when it is no longer used.
    """
    with tifffile.TiffFile(file) as tiff:
        chosen = tiff.pages[page or 0]
        assert isinstance(chosen, tifffile.TiffPage)
        deep = check_page(chosen, max_pixels)
        if not _is_streamed(chosen, os.fstat(file.fileno()).st_size):
            return None
        icc, xmp = profile_and_xmp(chosen)
        note = first_of(len(tiff.pages)) if page is None else None
        rows = TiffRows(file, chosen, deep, icc, guard)
    exif, dpi = exif_and_dpi_of_tiff(file, chosen.offset)
    xmp = unrotated_xmp(xmp, _orientation(chosen))
    return RowPicture(rows, fitting_profile(rows.icc, rows.shape), exif, xmp, dpi, note=note)


def _is_streamed(page: tifffile.TiffPage, size: int) -> bool:
    """Whether a page of a file of some size is large and has strips or tiles that are not."""
    row = page.imagewidth * page.samplesperpixel * max(8, page.bitspersample) // 8
    if page.imagelength * row < STREAMED_BYTES:
        return False
    if page.compression == _OLD_JPEG or _orientation(page) > 4:  # 5 to 8: its rows are columns
        return False
    step, *grid = _grid(page)
    if not len(page.dataoffsets) == len(page.databytecounts) == prod(grid):
        return False
    if _is_one_plain_strip(page):
        return True
    offsets, lengths = np.array((page.dataoffsets, page.databytecounts), np.int64)
    inside = lengths.min() > 0 and (offsets + lengths).max() <= size
    return bool(inside and step * row < STREAMED_BYTES)


def _grid(page: tifffile.TiffPage) -> tuple[int, int, int, int]:
    """Rows of a strip or tile; how many of them there are: planes, down and across."""
    separate = page.planarconfig == _SEPARATE and page.samplesperpixel > 1
    if page.is_tiled:
        step, across = page.tilelength, -(-page.imagewidth // page.tilewidth)
    else:
        step, across = max(1, min(page.rowsperstrip, page.imagelength)), 1
    return step, page.samplesperpixel if separate else 1, -(-page.imagelength // step), across


def _is_one_plain_strip(page: tifffile.TiffPage) -> bool:
    """Whether the pixels are one strip (of each plane) in which rows can be found."""
    plain = page.compression == _NO_COMPRESSION and page.photometric != _YCBCR
    return plain and not page.is_tiled and _grid(page)[2] == 1


def _segments(page: tifffile.TiffPage) -> tuple[int, NDArray[np.int64]]:
    """Rows of a segment, and where all are: (offset and length, planes, down, across)."""
    step, *grid = _grid(page)
    places = np.array((page.dataoffsets, page.databytecounts), np.int64).reshape(2, *grid)
    if not _is_one_plain_strip(page):
        return step, places
    row = int(places[1].max()) // page.imagelength
    step = max(1, _SPLIT_BYTES // row)
    tops = np.arange(0, page.imagelength, step)
    lengths = np.diff(tops, append=page.imagelength) * row
    offsets = places[0] + (tops * row)[:, None]  # (planes, down, 1)
    return step, np.stack((offsets, np.broadcast_to(lengths[:, None], offsets.shape)))


def _orientation(page: tifffile.TiffPage) -> int:
    value = page.tags.valueof(_ORIENTATION, 1)
    return int(value) if value in range(1, 9) else 1


def _tags(file: BinaryIO, page: tifffile.TiffPage) -> dict[int, Any]:
    """The tags of a page that say how its pixels are stored."""
    file.seek(0)
    directory = ImageFileDirectory_v2(file.read(16 if page.parent.is_bigtiff else 8))
    file.seek(page.offset)
    directory.load(file)
    return {tag: directory[tag] for tag in _KEPT & directory.keys()}


def _directory(tags: dict[int, Any], order: str, kind: int, offsets: NDArray[np.int64]) -> bytes:
    """A directory that follows the header; the segments follow it, at offsets from its end.

    ``kind`` is the tag of the offsets.
    """
    header = _HEADERS[order]
    made = ImageFileDirectory_v2(header)
    made.update(tags | {kind: tuple(offsets.tolist())})
    content = made.tobytes(len(header))
    if kind == _STRIPS[0]:  # Pillow counts these from the end of the directory
        return content
    made[kind] = tuple((offsets + len(header) + len(content)).tolist())
    return made.tobytes(len(header))
