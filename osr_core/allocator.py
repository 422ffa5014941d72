"""The C library's allocator, set so that memory of large arrays is used again.

By default glibc returns every block above 32 MiB to the kernel as soon as it is freed, and the
kernel clears each page anew: on large tiles, half of the time of a network on a CPU.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
_MMAP_BYTES = 32 << 20
"""The most that glibc takes on 64 bit; larger blocks are mapped one by one all the same."""
_TRIM_BYTES = 2**31 - 1


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Keep freed memory in this process for its next arrays; the peak stays as it is.

    Returns:
        Whether there is a C library that takes the setting: glibc on Linux.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # musl has none
        return False
    settings = (_MMAP_THRESHOLD, _MMAP_BYTES), (_TRIM_THRESHOLD, _TRIM_BYTES)
    return all([mallopt(name, value) == 1 for name, value in settings])
