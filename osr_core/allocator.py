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
    library = _glibc()
    settings = (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _TRIM_BYTES)
    return library is not None and all([library.mallopt(*setting) == 1 for setting in settings])


def return_freed_memory() -> None:
    """Return freed memory to the system, once; see :func:`keep_freed_memory`.

    Arrays of many sizes leave gaps that no later one fits in, so that the process grows. To clear
    the pages that are needed again takes about a tenth of a second.
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
    except OSError:  # a static program
        return None
    return library if hasattr(library, "malloc_trim") else None  # musl has none
