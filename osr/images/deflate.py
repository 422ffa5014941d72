"""Deflate with zlib, of differences between the pixels of photographs."""

from __future__ import annotations

import zlib

ZLIB_HEADER = b"\x78\x9c"
"""Of a zlib stream: a window of 32 KiB, the default level."""

LAST_BLOCK = b"\x03\x00"
"""An empty last block of a deflate stream."""


def deflate(data: bytes | memoryview, *, part: bool = False) -> bytes:
    """Compress with zlib, which looks for runs only, not for repeated patterns.

    On the differences of photographs that takes less than half the time of zlib's level 3, and most
    files become smaller, by about 5 %.

    Args:
        data: what to compress.
        part: the result is blocks of a deflate stream without a header, to be followed by others
            and :data:`LAST_BLOCK`, not a zlib stream.

    >>> zlib.decompress(deflate(b"ab"))
    b'ab'
    >>> zlib.decompress(deflate(b"ab", part=True) + LAST_BLOCK, -zlib.MAX_WBITS)
    b'ab'
    """
    window = -zlib.MAX_WBITS if part else zlib.MAX_WBITS
    compressor = zlib.compressobj(wbits=window, strategy=zlib.Z_RLE)
    end = zlib.Z_SYNC_FLUSH if part else zlib.Z_FINISH
    return compressor.compress(data) + compressor.flush(end)
