"""Image formats: how their files begin, what reads them, and what those that are written hold."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from math import inf
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from osr_core.errors import ImageError, OptionError
from osr_core.strips import Rows


@dataclass(frozen=True)
class Format:
    """A format that can be read."""

    name: str
    """Pillow's name."""
    suffixes: tuple[str, ...]
    start: bytes
    """Regular expression of the first bytes of its files."""
    module: str
    """The module that registers it with Pillow."""
    package: str = "pillow"
    """What pip installs to read it."""
    writable: bool = False
    alpha: bool = False
    deep: bool = False
    """Whether a file that is written holds 16 bits per channel."""
    largest_side: float = inf


FORMATS = (
    Format("PNG", (".png",), rb"\x89PNG", "PIL.PngImagePlugin",
           writable=True, alpha=True, deep=True),
    Format("JPEG", (".jpg", ".jpeg", ".jfif"), rb"\xff\xd8\xff", "PIL.JpegImagePlugin",
           writable=True, largest_side=65500),
    Format("WEBP", (".webp",), rb"RIFF.{4}WEBP", "PIL.WebPImagePlugin",
           writable=True, alpha=True, largest_side=16383),
    Format("TIFF", (".tif", ".tiff"), rb"II[*+]\0|MM\0[*+]", "PIL.TiffImagePlugin",
           writable=True, alpha=True, deep=True),
    Format("BMP", (".bmp",), rb"BM", "PIL.BmpImagePlugin", writable=True),
    Format("GIF", (".gif",), rb"GIF8", "PIL.GifImagePlugin"),
    Format("JPEG2000", (".jp2", ".j2k"), rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
           "PIL.Jpeg2KImagePlugin"),
    # The major brand mif1 is one of AVIF and of HEIF; the compatible brands after it tell.
    Format("AVIF", (".avif",), rb".{4}ftyp.{0,52}avi[fs]", "PIL.AvifImagePlugin"),
    Format("HEIF", (".heic", ".heif"), rb".{4}ftyp.{0,52}he[iv][cxms]", "pillow_heif", "osr[heif]"),
    Format("JXL", (".jxl",), rb"\xff\x0a|\0\0\0\x0cJXL ", "pillow_jxl", "pillow-jxl-plugin"),
)  # fmt: skip
"""All formats."""

_TIFF = next(format for format in FORMATS if format.name == "TIFF")
_WRITABLE = {suffix: format for format in FORMATS if format.writable for suffix in format.suffixes}
_LIST = ", ".join(_WRITABLE)

SUFFIXES: frozenset[str] = frozenset(_WRITABLE)
"""Suffixes, in lower case, of files that can be read and written."""

READABLE: frozenset[str] = frozenset(suffix for format in FORMATS for suffix in format.suffixes)
"""Suffixes of files that can be read, some of them with a plugin of Pillow only."""


def identify(head: bytes) -> Format:
    """The format of a file by its first bytes; :class:`ImageError` if it is none that is known.

    >>> identify(b"GIF89a").name
    'GIF'
    """
    for format in FORMATS:
        if re.match(format.start, head, re.DOTALL):
            return format
    raise ImageError("is not an image in a format that can be read")


def is_tiff(file: BinaryIO) -> bool:
    """Whether a file, at its beginning, is a TIFF file."""
    head = file.read(4)
    file.seek(0)
    return re.match(_TIFF.start, head, re.DOTALL) is not None


def open_image(format: Format, file: BinaryIO) -> ImageFile:
    """The image of a file, its pixels not yet decoded.

    Pillow's class is called directly: the limit on pixels of ``Image.open`` warns on standard error
    and can be changed only for the whole process. Raises :class:`ImageError` if the format needs a
    package that is not installed.
    """
    try:
        module = import_module(format.module)
    except ImportError:
        raise ImageError(f"is {format.name}; to read it: pip install '{format.package}'") from None
    if format.name == "HEIF":
        module.register_heif_opener()
    image: ImageFile = Image.OPEN[format.name][0](file, "")
    return image


def bit_depth(format: Format, head: bytes) -> int:
    """Bits per channel that a file stores, as far as its first bytes tell; 8 if they do not."""
    if format.name == "PNG":
        return head[24]
    if format.name == "JPEG2000":  # ISO 15444-1: SIZ of a codestream (A.5.1) or box ihdr (I.5.3.1)
        return (head[42 if head[:1] == b"\xff" else head.find(b"ihdr") + 14] & 127) + 1
    if format.name == "AVIF" and (at := head.find(b"av1C")) >= 0:  # AV1 in ISOBMFF, 2.3
        return 8 + 2 * (head[at + 6] >> 6 & 1) + 2 * (head[at + 6] >> 5 & 1)
    if format.name == "HEIF" and (at := head.find(b"pixi")) >= 0:  # ISO 23008-12, 6.5.6
        return head[at + 9]
    return 8


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format of a path's suffix; :class:`ImageError` if it cannot be written."""
    suffix = Path(path).suffix
    if suffix.lower() not in SUFFIXES:
        raise ImageError(f"{path}: unknown suffix {suffix!r}; use one of {_LIST}")
    return _WRITABLE[suffix.lower()]


def writable(path: Path, format: str | None = None) -> Path:
    """The path with the suffix of a format: by default its own, or .png if that cannot be written.

    Raises :class:`OptionError` if the format given cannot be written.

    >>> writable(Path("a.gif")).name, writable(Path("a.gif"), "jpg").name
    ('a.png', 'a.jpg')
    """
    if format is None:
        return path if path.suffix.lower() in SUFFIXES else path.with_suffix(".png")
    if f".{format}" not in SUFFIXES:
        raise OptionError(f"format {format!r} cannot be written; use one of {_LIST}")
    return path.with_suffix(f".{format}")


def check_holds(path: str | os.PathLike[str], pixels: Rows) -> None:
    """Raise :class:`ImageError` unless a file of that suffix can hold pixels of that kind."""
    format, shape = format_of(path), pixels.shape
    shaped = len(shape) == 2 or (len(shape) == 3 and shape[2] in (2, 3, 4))
    if not shaped or 0 in shape or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{path}: expected uint8 or uint16 pixels (H, W) or (H, W, 2 to 4), "
            f"got {pixels.dtype} {shape}"
        )
    lacks = ""
    if pixels.dtype == np.uint16 and not format.deep:
        lacks = "16 bit"
    elif shape[2:] in ((2,), (4,)) and not format.alpha:
        lacks = "alpha"
    elif max(shape) > format.largest_side:
        lacks = f"sides above {format.largest_side:.0f} pixels"
    if lacks:
        raise ImageError(f"{path}: {format.name} does not support {lacks}; use .png or .tiff")
