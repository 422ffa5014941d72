"""Reading and writing image files: PNG, JPEG, WebP, TIFF and BMP, with 8 or 16 bit.

Bit depth, grey, alpha, colour profile and EXIF block are kept wherever the file format can hold
them. Of a file with several pages or frames the first one is read.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osr.images.decoding import decode
from osr.images.encoding import LEVEL, write_png16, write_tiff
from osr.images.metadata import fitting_profile, upright
from osr_core.checks import check_range
from osr_core.errors import ImageError, OptionError
from osr_core.files import atomic_write

MAX_PIXELS = 400_000_000
"""Width times height above which :func:`read` refuses an image unless told otherwise.

WebP files end at 179 million whatever is asked for: Pillow's own limit, which it does not let pass.
"""

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_HOLD_ALPHA = ("PNG", "TIFF", "WEBP")
_HOLD_16_BIT = ("PNG", "TIFF")
_LARGEST_SIDES = {"JPEG": 65500, "WEBP": 16383}
_JPEG_EXIF_BYTES = 65533 - 6  # what a segment holds beside its length and the word Exif

SUFFIXES: frozenset[str] = frozenset(_FORMATS)
"""Suffixes, in lower case, of files that can be read and written."""

READABLE: frozenset[str] = SUFFIXES | {".gif", ".jp2", ".j2k", ".avif", ".heic", ".heif"}
"""Suffixes of files that :func:`read` can read, some of them only with a plugin of Pillow's."""

_LIST = ", ".join(_FORMATS)


@dataclass(frozen=True, eq=False)
class Picture:
    """An image file's content."""

    pixels: NDArray[Any]
    """``(H, W)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGB and
    alpha; uint8 or uint16; alpha is not multiplied into the colours."""
    icc: bytes | None = None
    """The colour profile."""
    exif: bytes | None = None
    """The EXIF block: a TIFF stream, without the word ``Exif`` that goes before it in JPEG."""


def read(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image, turned as its EXIF orientation says; the block that is kept says "not turned".

    1-bit and palette images and CMYK become 8-bit grey, RGB or RGBA; CMYK by way of its profile. A
    profile that does not describe the pixels (CMYK's, or one for RGB with grey ones) is left out.
    Of several pages or frames the first one is read. The content decides on the format, whichever
    of :data:`SUFFIXES` the file has.

    Raises:
        ImageError: if there is no such image, it is degraded or cut off, of neither 8 nor 16 bit, or
            has more than ``max_pixels``. The size is looked at before anything is decoded.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise ImageError(f"{path}: {'is a folder' if os.path.isdir(path) else 'no such file'}")
    try:
        if path.stat().st_size == 0:
            raise ImageError("is empty")
        with path.open("rb") as file:
            return Picture(*decode(file, max_pixels))
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    except Exception as error:  # decoders raise errors of every kind on degraded files
        raise ImageError(f"{path}: cannot be read; is it degraded? ({_line(error)})") from error


def write(path: str | os.PathLike[str], picture: Picture, quality: int = 95) -> None:
    """Write an image in the format of the path's suffix; a file that is there is replaced whole.

    WebP and BMP store grey as RGB and with a palette of greys. BMP holds no metadata. A colour
    profile that does not describe the pixels, and an EXIF block too long for JPEG, are left out.

    Args:
        path: ends in one of :data:`SUFFIXES`.
        picture: what to write.
        quality: 1 to 100 for JPEG and WebP, which at 100 is lossless; of no effect on the others.
            From 90 on JPEG keeps colour at full resolution.

    Raises:
        ImageError: if the format cannot hold the bit depth, alpha or size, the pixels are no image,
            or the file cannot be written.
        OptionError: if the quality is out of range.
    """
    path = Path(path)
    check_holds(path, picture.pixels)
    check_range("quality", quality, 1, 100)
    try:
        with atomic_write(path) as temporary:
            _encode(temporary, picture, quality)
    except (OSError, ValueError, OverflowError, struct.error) as error:
        raise ImageError(f"{path}: cannot be written: {_line(error)}") from error


def to_rgb8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels of any :class:`Picture` as ``(H, W, 3)`` uint8: alpha dropped, grey three times.

    >>> to_rgb8(np.full((2, 2, 2), 65535, np.uint16))[0, 0].tolist()
    [255, 255, 255]
    """
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / 257).astype(np.uint8)
    if pixels.ndim == 2 or pixels.shape[2] == 2:
        grey = pixels if pixels.ndim == 2 else pixels[..., 0]
        return np.repeat(grey[..., None], 3, axis=2)
    return pixels[..., :3]


def can_hold(suffix: str, pixels: NDArray[Any]) -> bool:
    """Whether the format of a suffix keeps the pixels' bit depth and alpha.

    >>> pixels = np.zeros((8, 8, 4), np.uint8)
    >>> can_hold(".jpg", pixels), can_hold(".png", pixels)
    (False, True)
    """
    name = _FORMATS.get(suffix.lower())
    alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    return (
        name is not None
        and (not alpha or name in _HOLD_ALPHA)
        and (pixels.dtype == np.uint8 or (pixels.dtype == np.uint16 and name in _HOLD_16_BIT))
    )


def writable(path: Path, format: str | None = None) -> Path:
    """The path with the suffix of a format; by default its own, or .png if none can write that.

    Raises:
        OptionError: if the format cannot be written.

    >>> writable(Path("a.gif")).name, writable(Path("a.gif"), "jpg").name
    ('a.png', 'a.jpg')
    """
    suffix = path.suffix if format is None else f".{format}"
    if suffix.lower() in SUFFIXES:
        return path.with_suffix(suffix)
    if format is None:
        return path.with_suffix(".png")
    raise OptionError(f"format {format!r} cannot be written; use one of {_LIST}")


def _encode(path: Path, picture: Picture, quality: int) -> None:
    pixels, exif = picture.pixels, picture.exif and upright(picture.exif)[0]
    icc = fitting_profile(picture.icc, pixels)
    name = _FORMATS[path.suffix.lower()]
    if name == "TIFF" or pixels.dtype == np.uint16:
        with path.open("wb") as file:
            (write_tiff if name == "TIFF" else write_png16)(file, pixels, icc, exif)
        return
    options: dict[str, Any] = {"compress_level": LEVEL} if name == "PNG" else {}
    if name == "JPEG":
        options = {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
        exif = b"Exif\0\0" + exif if exif and len(exif) <= _JPEG_EXIF_BYTES else None
    elif name == "WEBP":
        options = {"quality": quality, "lossless": quality == 100, "exact": True}
        icc = icc if pixels.shape[2:] >= (3,) else None  # grey becomes RGB
    image = Image.fromarray(pixels)
    image.save(path, name, icc_profile=icc, exif=exif or b"", **options)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ImageError(f"{path}: unknown suffix {path.suffix!r}; use one of {_LIST}")


def check_holds(path: str | os.PathLike[str], pixels: NDArray[Any]) -> None:
    """Raise :class:`ImageError` unless a file of that suffix can hold the pixels."""
    path = Path(path)
    _check_suffix(path)
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (2, 3, 4))
    if not shaped or pixels.size == 0 or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{path}: expected uint8 or uint16 pixels (H, W) or (H, W, 2 to 4), "
            f"got {pixels.dtype} {pixels.shape}"
        )
    name = _FORMATS[path.suffix.lower()]
    too_much = ""
    if not can_hold(path.suffix, pixels):
        too_much = "16 bit" if pixels.dtype == np.uint16 and name not in _HOLD_16_BIT else "alpha"
    elif max(pixels.shape) > _LARGEST_SIDES.get(name, math.inf):
        too_much = f"sides above {_LARGEST_SIDES[name]} pixels"
    if too_much:
        raise ImageError(f"{path}: {name} cannot hold {too_much}; use .png or .tiff")


def _line(error: Exception) -> str:
    if isinstance(error, LookupError):  # its text is a bare index or key
        return type(error).__name__
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split()) or type(error).__name__
