"""Which image formats are read and written, and what each can hold."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import ImageError, OptionError


@dataclass(frozen=True)
class Format:
    """A format that can be written."""

    name: str
    suffixes: tuple[str, ...]
    alpha: bool = False
    deep: bool = False
    """Whether it holds 16 bits per channel."""
    largest_side: float = inf


FORMATS = (
    Format("PNG", (".png",), alpha=True, deep=True),
    Format("JPEG", (".jpg", ".jpeg"), largest_side=65500),
    Format("WEBP", (".webp",), alpha=True, largest_side=16383),
    Format("TIFF", (".tif", ".tiff"), alpha=True, deep=True),
    Format("BMP", (".bmp",)),
)
"""All formats that can be written."""

_BY_SUFFIX = {suffix: format for format in FORMATS for suffix in format.suffixes}

SUFFIXES: frozenset[str] = frozenset(_BY_SUFFIX)
"""Suffixes, in lower case, of files that can be read and written."""

READABLE: frozenset[str] = SUFFIXES | {
    ".gif", ".jp2", ".j2k", ".jfif", ".avif", ".heic", ".heif", ".jxl",
}  # fmt: skip
"""Suffixes of files that can be read, some of them with a plugin of Pillow only."""

_LIST = ", ".join(_BY_SUFFIX)


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format of a path's suffix; :class:`ImageError` if it cannot be written."""
    suffix = Path(path).suffix
    if suffix.lower() not in SUFFIXES:
        raise ImageError(f"{path}: unknown suffix {suffix!r}; use one of {_LIST}")
    return _BY_SUFFIX[suffix.lower()]


def writable(path: Path, format: str | None = None) -> Path:
    """The path with the suffix of a format: by default its own, or .png if that cannot be written.

    Raises:
        OptionError: if the format given cannot be written.

    >>> writable(Path("a.gif")).name, writable(Path("a.gif"), "jpg").name
    ('a.png', 'a.jpg')
    """
    if format is None:
        return path if path.suffix.lower() in SUFFIXES else path.with_suffix(".png")
    if f".{format}" not in SUFFIXES:
        raise OptionError(f"format {format!r} cannot be written; use one of {_LIST}")
    return path.with_suffix(f".{format}")


def check_holds(path: str | os.PathLike[str], pixels: NDArray[Any]) -> None:
    """Raise :class:`ImageError` unless a file of that suffix can hold pixels of that kind."""
    format = format_of(path)
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (2, 3, 4))
    if not shaped or pixels.size == 0 or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{path}: expected uint8 or uint16 pixels (H, W) or (H, W, 2 to 4), "
            f"got {pixels.dtype} {pixels.shape}"
        )
    lacks = ""
    if pixels.dtype == np.uint16 and not format.deep:
        lacks = "16 bit"
    elif pixels.ndim == 3 and pixels.shape[2] in (2, 4) and not format.alpha:
        lacks = "alpha"
    elif max(pixels.shape) > format.largest_side:
        lacks = f"sides above {format.largest_side:.0f} pixels"
    if lacks:
        raise ImageError(f"{path}: {format.name} does not support {lacks}; use .png or .tiff")
