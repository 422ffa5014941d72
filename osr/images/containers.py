"""What a file is, by its first bytes, and which class of Pillow opens it."""

from __future__ import annotations

import re
from importlib import import_module
from typing import BinaryIO

from PIL import Image
from PIL.ImageFile import ImageFile

from osr_core.errors import ImageError

HEAD_BYTES = 65536
"""How much of a file :func:`identify` and :func:`bit_depth` look at."""

_SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"\0\0\0\x0cjP  ": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"\xff\x0a": "JXL",
    b"\0\0\0\x0cJXL ": "JXL",
}

_BRANDS = re.compile(rb"avi[fs]|hei[cxms]|hev[cxms]")  # mif1 is one of both formats

_PLUGINS = {
    "PNG": "PIL.PngImagePlugin",
    "JPEG": "PIL.JpegImagePlugin",
    "BMP": "PIL.BmpImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "JPEG2000": "PIL.Jpeg2KImagePlugin",
    "AVIF": "PIL.AvifImagePlugin",
    "HEIF": "pillow_heif",
    "JXL": "pillow_jxl",
}
"""The module that registers a format with Pillow."""

_PACKAGES = {"HEIF": "osr[heif]", "JXL": "pillow-jxl-plugin", "AVIF": "pillow>=11.3"}


def identify(head: bytes) -> str:
    """Pillow's name of the format that a file beginning with ``head`` has.

    Raises:
        ImageError: if it is none that is known.

    >>> identify(b"GIF89a")
    'GIF'
    """
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and (brand := _BRANDS.search(head[8:64])):
        return "AVIF" if brand[0].startswith(b"avi") else "HEIF"
    raise ImageError("is not an image in a format that can be read")


def open_image(name: str, file: BinaryIO) -> ImageFile:
    """The image of a file of a format, its pixels not yet decoded.

    Raises:
        ImageError: if the format needs a package that is not installed.
    """
    try:
        module = import_module(_PLUGINS[name])
    except ImportError:
        raise ImageError(f"is {name}; to read it: pip install '{_PACKAGES[name]}'") from None
    if name == "HEIF" and name not in Image.OPEN:
        module.register_heif_opener()
    image: ImageFile = Image.OPEN[name][0](file, "")
    return image


def bit_depth(name: str, head: bytes) -> int:
    """Bits per channel that a file of a format stores, as far as its first bytes say."""
    if name == "PNG":
        return head[24]
    if name == "JPEG2000":  # ISO 15444-1: SIZ of a codestream (A.5.1), else the box ihdr (I.5.3.1)
        return (head[42 if head[:1] == b"\xff" else head.find(b"ihdr") + 14] & 127) + 1
    if name == "AVIF" and (at := head.find(b"av1C")) >= 0:  # AV1 in ISOBMFF, 2.3
        return 8 + 2 * (head[at + 6] >> 6 & 1) + 2 * (head[at + 6] >> 5 & 1)
    if name == "HEIF" and (at := head.find(b"pixi")) >= 0:  # ISO 23008-12, 6.5.6
        return head[at + 9]
    return 8
