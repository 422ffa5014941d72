"""The C library's allocator, set so that memory of large arrays is used again.

By default glibc maps every block above 32 MiB anew and returns it to the kernel as soon as it is
freed, and the kernel clears each page again: on large tiles, half of the time of a network on a
CPU.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # parameters of mallopt(3)
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
    settings = (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _TRIM_BYTES)
    return all([mallopt(name, value) == 1 for name, value in settings])
