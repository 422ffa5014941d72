"""Reading and writing image files, with 8 or 16 bit.

PNG, JPEG, WebP, TIFF and BMP are read and written; GIF, JPEG 2000, AVIF, HEIC and JPEG XL are read
where Pillow, or a plugin of it that is installed, can. Bit depth, greyscale, alpha, ICC profile,
EXIF, XMP and resolution are preserved wherever the file format can hold them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BufferedReader
from typing import Any

from numpy.typing import NDArray

from osr.images.decoding import count_pages, decode
from osr.images.encoding import encode
from osr.images.formats import READABLE, SUFFIXES, check_holds, is_tiff, writable
from osr.images.picture import Content, Picture, centre, to_float, to_levels, to_rgb8
from osr.images.tiff_rows import stream_tiff
from osr_core.checks import check_range
from osr_core.errors import ImageError
from osr_core.files import atomic_write, open_regular
from osr_core.strips import Rows

__all__ = ["MAX_PIXELS", "READABLE", "SUFFIXES", "Content", "Picture", "centre", "check_holds",
           "page_count", "read", "stream", "to_float", "to_levels", "to_rgb8", "writable",
           "write"]  # fmt: skip

MAX_PIXELS = 400_000_000
"""Width times height above which :func:`read` refuses an image by default. For WebP Pillow has a
limit of its own, 179 million."""

PIXELS_PER_BYTE = 250
"""Of the file, above which an image of more than :data:`SMALL_PIXELS` is refused by default. Even a
blank JPEG has fewer; files that unpack to far more than a photograph would are bombs."""

SMALL_PIXELS = 9_000_000
"""A frame of 4K, a page of A4 at 300 dots per inch: a blank one may be of any size in bytes."""

MAX_PAGES = 10_000


def read(
    path: str | os.PathLike[str], max_pixels: int | None = None, page: int | None = None
) -> Picture:
    """Read an image, upright: its EXIF orientation is applied and removed from the metadata.

    The content decides on the format, not the suffix. Of several pages or frames the first is read.
    1-bit, palette and CMYK images become 8-bit grey, RGB or RGBA, CMYK by way of its profile. A
    profile that does not describe the pixels is left out.

    Args:
        path: the file.
        max_pixels: width times height above which it is refused, before anything is decoded; by
            default :data:`MAX_PIXELS`, and less for a small file (:data:`PIXELS_PER_BYTE`).
        page: of several pages or frames the one to read, from 0; by default the first, with a note.

    Raises:
        ImageError: if there is no such image, it is corrupted or truncated, of neither 8 nor
            16 bit, or too large.
    """
    with _named(path), _open(path) as file:
        return decode(file, _limit(file, max_pixels), page)


def stream(
    path: str | os.PathLike[str], max_pixels: int | None = None, page: int | None = None
) -> Content[Rows]:
    """As :func:`read`, but the pixels of a large TIFF file are read when rows are asked for.

    So its size in memory does not depend on its height. That needs strips or tiles that are small,
    or no compression; other files are read at once. Rows that are corrupted raise
    :class:`ImageError` when they are read.
    """
    with _named(path), ExitStack() as stack:
        file = stack.enter_context(_open(path))
        if is_tiff(file):
            streamed = stream_tiff(file, _limit(file, max_pixels), page, partial(_named, path))
            if streamed is not None:
                stack.pop_all()  # it stays open
                return streamed
            file.seek(0)
        return decode(file, _limit(file, max_pixels), page)


def page_count(path: str | os.PathLike[str]) -> int:
    """Number of pages or frames of an image file; raises :class:`ImageError` as :func:`read`."""
    with _named(path), _open(path) as file:
        count = count_pages(file)
        if count > MAX_PAGES:
            raise ImageError(f"has {count} pages, more than {MAX_PAGES}; split it")
        return count


def _limit(file: BufferedReader, max_pixels: int | None) -> int:
    """Pixels that an image may have."""
    size = os.fstat(file.fileno()).st_size
    default = min(MAX_PIXELS, max(SMALL_PIXELS, size * PIXELS_PER_BYTE))
    return default if max_pixels is None else max_pixels


def _open(path: str | os.PathLike[str]) -> BufferedReader:
    if not os.path.isfile(path):
        raise ImageError("is a folder" if os.path.isdir(path) else "no such file")
    file = open_regular(path)
    if os.fstat(file.fileno()).st_size == 0:
        file.close()
        raise ImageError("is empty")
    return file


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of decoders become an :class:`ImageError` that names the file."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    except MemoryError:
        raise
    except Exception as error:  # decoders raise errors of every kind on corrupted files
        system = isinstance(error, OSError) and error.strerror
        reason = f": {_line(error)}" if system else f"; is it corrupted? ({_line(error)})"
        raise ImageError(f"{path}: cannot be read{reason}") from error


def write(
    path: str | os.PathLike[str],
    picture: Content[Rows],
    quality: int = 95,
    strips: Iterable[NDArray[Any]] | None = None,
) -> None:
    """Write an image in the format of the path's suffix; an existing file is replaced atomically.

    Metadata that the format cannot hold is left out: BMP holds the resolution only, WebP no
    resolution outside EXIF, JPEG blocks of at most 64 KiB. So is a colour profile that does not
    describe the pixels. WebP stores grey as RGB.

    Args:
        path: ends in one of :data:`SUFFIXES`.
        picture: what to write.
        quality: 1 to 100 for JPEG and WebP, which at 100 is lossless; of no effect on the others.
            From 90 on JPEG keeps colour at full resolution.
        strips: pixels in place of the picture's, of the same shape and type, from top to bottom;
            PNG and TIFF are written while they come.

    Raises:
        ImageError: if the format cannot hold the bit depth, alpha or size, the pixels are no image,
            or the file cannot be written.
        OptionError: if the quality is out of range.
    """
    check_holds(path, picture.pixels)
    check_range("quality", quality, 1, 100)
    try:
        with atomic_write(path) as temporary:
            encode(temporary, picture, quality, strips or (picture.pixels[:],))
    except (OSError, ValueError, OverflowError, struct.error) as error:
        raise ImageError(f"{path}: cannot be written: {_line(error)}") from error


def _line(error: Exception) -> str:
    if isinstance(error, LookupError):  # its text is a bare index or key
        return type(error).__name__
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split()) or type(error).__name__
