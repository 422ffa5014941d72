"""Image files and EXIF blocks made on the spot, for the tests of reading and writing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from osr.images import check_holds, read
from osr_core.errors import ImageError

Pixels = NDArray[Any]


def random(channels: int, dtype: type[np.generic] = np.uint8, height: int = 13) -> Pixels:
    pixels = np.random.default_rng(0).integers(0, 65536, (height, 18, channels)).astype(dtype)
    return pixels[..., 0] if channels == 1 else pixels


def exif(orientation: int = 1) -> bytes:
    made = Image.Exif()
    made[274], made[271], made[34665] = (
        orientation,
        "Maker",
        {33434: IFDRational(1, 50), 37500: b"note" * 5},
    )
    made[34853] = {1: "N", 2: (48.0, 8.0, 0.5)}
    return made.tobytes().removeprefix(b"Exif\0\0")


def tag(block: bytes | None, number: int, directory: int | None = None) -> Any:
    parsed = Image.Exif()
    parsed.load(block or b"")
    return (parsed.get_ifd(directory) if directory else parsed).get(number)


def png(pixels: Pixels, colour_type: int, *after: tuple[bytes, bytes]) -> bytes:
    """A PNG file whose last chunks, behind the pixels, are ``after``."""
    height, width, bits = *pixels.shape[:2], 8 * pixels.itemsize
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    header = struct.pack(">2L5B", width, height, bits, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), *after, (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))
        for name, data in chunks
    )


def holds(suffix: str, pixels: Pixels) -> bool:
    """Whether a file of that suffix can hold the pixels."""
    try:
        check_holds(f"a{suffix}", pixels)
    except ImageError:
        return False
    return True


def assert_same(path: Path, pixels: Pixels) -> None:
    found = read(path).pixels
    assert found.dtype == pixels.dtype
    assert found.flags.c_contiguous
    assert found.flags.writeable
    np.testing.assert_array_equal(found, pixels)
