"""Metadata of an image file: orientation, EXIF, XMP, resolution and colour profile.

An EXIF block is a TIFF stream whose first directory (IFD 0) holds the tags; a TIFF file keeps the
same tags among its own. Source: CIPA DC-008 (Exif 2.32), TIFF 6.0, ICC.1:2022, XMP (ISO 16684-1),
PNG (W3C, third edition).
"""

from __future__ import annotations

import re
import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffTags
from PIL.TiffImagePlugin import ImageFileDirectory_v2

TIFF_HEADER = b"II*\0\x08\0\0\0"
"""A little-endian TIFF stream whose first directory follows at once."""

BIG_TIFF_HEADER = b"II+\0\x08\0\0\0" + bytes(8)
"""The same of BigTIFF, with room for the offset of the directory."""

# The first bytes → byte order, type of offsets, type of the number of entries; +: BigTIFF.
_STREAMS = {
    b"II*\0": ("<", "L", "H"), b"MM\0*": (">", "L", "H"),
    b"II+\0": ("<", "Q", "Q"), b"MM\0+": (">", "Q", "Q"),
}  # fmt: skip
_INTEGERS = {1: "B", 3: "H", 4: "L"}
_STRIP_OFFSETS = 273
_ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 274, 282, 283, 296
_COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
_SUB_DIRECTORIES = frozenset({34665, 34853})  # Exif and GPS
_INTEROPERABILITY = 40965  # an offset, which means nothing once the tags have moved

# Tags of IFD 0 that describe the photograph; the others describe how a TIFF stores its pixels.
_PHOTOGRAPH = frozenset(
    {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 318, 319, 18246, 18249, 33432}
    | set(range(40091, 40096))
)


def unrotated(stream: bytes) -> tuple[bytes, int]:
    """A TIFF stream with its orientation set to 1, and the orientation (1 to 8) that it had.

    The link to the next directory is cut too: the thumbnail of an EXIF block, of the old pixels, or
    the second page of a TIFF file. What is no TIFF stream becomes empty.
    """
    if stream[:4] not in _STREAMS:
        return b"", 1
    order, offset, count = _STREAMS[stream[:4]]
    width = struct.calcsize(order + offset)  # of an offset, and of the value in an entry
    patched, orientation = bytearray(stream), 1
    try:
        (start,) = struct.unpack_from(order + offset, stream, width)
        (entries,) = struct.unpack_from(order + count, stream, start)
        first, size = start + struct.calcsize(order + count), 4 + 2 * width
        for entry in range(first, first + entries * size, size):
            tag, kind = struct.unpack_from(order + "HH", stream, entry)
            if tag == _ORIENTATION and kind in _INTEGERS:
                value = entry + size - width
                (orientation,) = struct.unpack_from(order + _INTEGERS[kind], stream, value)
                struct.pack_into(order + _INTEGERS[kind], patched, value, 1)
        struct.pack_into(f"{width}x", patched, first + entries * size)
    except (struct.error, OverflowError):
        pass  # cut off: what was found up to there counts
    return bytes(patched), orientation if 1 <= orientation <= 8 else 1


def orient(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (1 to 8) to pixels (H, W, ...).

    >>> orient(np.array([[1, 2], [3, 4]]), 6)  # 6: rotate clockwise
    array([[3, 1],
           [4, 2]])
    """
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    quarter = (orientation - 1) % 4
    if quarter in (1, 2):
        pixels = pixels[:, ::-1]
    if quarter in (2, 3):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def photograph_tags(file: BinaryIO, offset: int | None = None) -> dict[int, Any]:
    """The tags of an EXIF block or TIFF file that describe the photograph; sub-IFDs as dicts.

    Args:
        file: the block or file.
        offset: of the directory of a page; by default the first.
    """
    exif = Image.Exif()
    try:
        file.seek(0)
        head = file.read(4)
        exif.endian, exif.bigtiff = _STREAMS[head][0], b"+" in head
        file.seek(0)
        exif.load_from_fp(file, offset)
        tags = {tag: exif[tag] for tag in _PHOTOGRAPH & exif.keys()}
        for tag in _SUB_DIRECTORIES & exif.keys():
            tags[tag] = dict(exif.get_ifd(tag))
            tags[tag].pop(_INTEROPERABILITY, None)
        directory(tags).tobytes()
    except Exception:  # Pillow raises all sorts of errors on broken tags, which no pixel needs
        return {}
    return tags


def directory(tags: dict[int, Any]) -> ImageFileDirectory_v2:
    """A directory to follow :data:`TIFF_HEADER`."""
    made = ImageFileDirectory_v2(TIFF_HEADER)
    made.update(tags)
    return made


def directory_behind(tags: dict[int, Any], header: bytes, start: int) -> bytes:
    """The directory of a TIFF file behind its strips, whose offsets it holds.

    Args:
        tags: those of the file; a BigTIFF is written without the directories Exif and GPS, whose
            offsets have 32 bit.
        header: :data:`TIFF_HEADER` or :data:`BIG_TIFF_HEADER`.
        start: where in the file it will be.
    """
    order, offset, count = _STREAMS[header[:4]]
    if header == BIG_TIFF_HEADER:
        tags = {tag: value for tag, value in tags.items() if not isinstance(value, dict)}
    made, offsets = ImageFileDirectory_v2(header), tags[_STRIP_OFFSETS]
    # Pillow would add the length of the directory to them, as if the strips followed it.
    made.update(tags | {_STRIP_OFFSETS: (0,) * len(offsets)})
    made.tagtype[_STRIP_OFFSETS] = TiffTags.LONG8 if offset == "Q" else TiffTags.LONG
    content = bytearray(made.tobytes(start))
    width = struct.calcsize(order + offset)
    size, first = 4 + 2 * width, struct.calcsize(order + count)
    entry = first + size * sorted(made).index(_STRIP_OFFSETS)
    value = entry + size - width
    if len(offsets) > 1:
        value = struct.unpack_from(order + offset, content, value)[0] - start
    struct.pack_into(f"{order}{len(offsets)}{offset}", content, value, *offsets)
    return bytes(content)


def exif_and_dpi_of_tiff(
    file: BinaryIO, offset: int
) -> tuple[bytes | None, tuple[float, float] | None]:
    """An EXIF block with the photograph's tags of a page of a TIFF file, and its pixels per inch.

    ``offset`` is that of its directory.
    """
    tags = photograph_tags(file, offset)
    exif = TIFF_HEADER + directory(tags).tobytes(len(TIFF_HEADER)) if tags else None
    try:
        scale = {2: 1.0, 3: 2.54}[tags.get(_UNIT, 2)]  # per inch or per centimetre
        return exif, (float(tags[_X_RESOLUTION]) * scale, float(tags[_Y_RESOLUTION]) * scale)
    except (KeyError, TypeError, ValueError):  # absent, without a unit, or no number
        return exif, None


def unrotated_xmp(packet: bytes | None, orientation: int) -> bytes | None:
    """The XMP packet, with its own copy of the orientation set to 1 if the pixels were rotated."""
    if packet is None or orientation == 1:
        return packet
    return re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", packet)


def usable_dpi(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """The resolution if every format can hold it; files with 0 or nonsense are common."""
    return dpi if dpi is not None and all(1 <= value <= 65535 for value in dpi) else None


def png_chunks(file: BinaryIO) -> dict[bytes, bytes]:
    """The chunks of a PNG file that describe its colours, but for the ICC profile."""
    found: dict[bytes, bytes] = {}
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">L4s", head)
        if name == b"IDAT":
            break
        content = file.read(length)
        if name in _COLOUR_CHUNKS:
            found[name] = content
        file.seek(4, 1)  # the CRC
    return found


def fitting_profile(profile: bytes | None, shape: tuple[int, ...]) -> bytes | None:
    """The ICC profile if it is one for grey or RGB, whichever pixels of a shape (H, W[, C]) are."""
    space = b"GRAY" if shape[2:] in ((), (2,)) else b"RGB "
    return profile if profile is not None and profile[16:20] == space else None
