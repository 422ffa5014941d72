"""Images of a few kilobytes that unpack to gigabytes, or take minutes."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from osr.images import read
from osr_core.errors import ImageError


def png(width, height, bits=8, colour=0):
    def chunk(name, data):
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    deflate = zlib.compressobj(9)
    row = bytes(1 + (width * bits + 7) // 8)
    data = b"".join([deflate.compress(row) for _ in range(height)] + [deflate.flush()])
    head = struct.pack(">2I5B", width, height, bits, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def bmp_rle8(side):
    """1 KB that declares side × side pixels: an end of bitmap at once."""
    palette = bytes(1024)
    head = struct.pack("<2sI2HI", b"BM", 2000, 0, 0, 54 + 1024)
    info = struct.pack("<I2i2H6I", 40, side, side, 1, 8, 1, 2, 2835, 2835, 256, 0)
    return head + info + palette + b"\0\1"


def webp(side):
    buffer = io.BytesIO()
    Image.new("RGB", (side, side)).save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()


def jpeg_scans(count):
    """A JPEG of 8 × 8 pixels whose one scan is repeated."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    start = content.rindex(b"\xff\xda")
    return content[:start] + content[start:-2] * count + content[-2:]


def tiff(strip, side=16, bits=16):
    """A deflated TIFF of one strip."""
    tags = {256: side, 257: side, 258: bits, 259: 8, 262: 1, 273: 8, 277: 1, 278: side,
            279: len(strip)}  # fmt: skip
    entries = b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in tags.items())
    offset = 8 + len(strip) + len(strip) % 2
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return struct.pack("<2sHI", b"II", 42, offset) + strip + bytes(len(strip) % 2) + directory


def refused(path, words):
    with pytest.raises(ImageError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


BOMBS = {
    "1-bit.png": lambda: png(20_000, 1000, bits=1),
    "rle8.bmp": lambda: bmp_rle8(20_000),
    "lossless.webp": lambda: webp(4100),
}


@pytest.mark.parametrize("name", BOMBS)
def test_small_files_with_many_pixels(tmp_path, name):
    """Their pixels are 250 times their bytes or more, and more than 9 million."""
    path = tmp_path / name
    path.write_bytes(BOMBS[name]())
    assert path.stat().st_size < 64_000
    refused(path, "more than the limit of 9,000,000 for this file.*--max-pixels")


def test_the_limit_can_be_raised(tmp_path):
    path = tmp_path / "map.png"
    path.write_bytes(png(20_000, 1000, bits=1))
    assert read(path, max_pixels=20_000_000).pixels.shape == (1000, 20_000)
    with pytest.raises(ImageError, match="more than the limit of 100 "):
        read(path, max_pixels=100)


def test_no_side_is_longer_than_300_000(tmp_path):
    """Padding and thumbnails are as long as the longest side."""
    path = tmp_path / "line.png"
    path.write_bytes(png(1, 300_001))
    refused(path, "no side may exceed 300000")


def test_a_strip_that_inflates_to_far_more(tmp_path):
    """16 × 16 pixels of 16 bit in a strip of 1 GiB; here 16 MiB."""
    path = tmp_path / "bomb.tif"
    path.write_bytes(tiff(zlib.compress(bytes(2**24), 9)))
    refused(path, "a strip inflates to more than its pixels")
    path.write_bytes(tiff(zlib.compress(bytes(512))))
    np.testing.assert_array_equal(read(path).pixels, np.zeros((16, 16), np.uint16))


def test_a_jpeg_of_many_scans(tmp_path):
    """Each scan is decoded over all pixels."""
    path = tmp_path / "scans.jpg"
    path.write_bytes(jpeg_scans(200))
    refused(path, "has 20[0-9] scans, more than 100")
    path.write_bytes(jpeg_scans(2))
    assert read(path).pixels.shape == (8, 8)
