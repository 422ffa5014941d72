"""Restore images of many sizes with one backend, and print the bytes of the heap in use.

    python tests/many_sizes.py torch 24

prints three numbers, after each 24 sizes (glibc).
"""

from __future__ import annotations

import ctypes
import sys
from itertools import product

import numpy as np

from backends import get_backend


class _Mallinfo(ctypes.Structure):
    size = ctypes.c_size_t
    _fields_ = (("others", size * 7), ("used", size), ("rest", size * 2))


def used() -> int:
    """Bytes in use of the main heap."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Mallinfo
    return int(mallinfo().used)


def main() -> None:
    """Three times so many sizes, none twice."""
    network, count = get_backend(sys.argv[1]).load("osr-sr"), int(sys.argv[2])
    sides = product(range(64, 257, 8), repeat=2)
    # Of about the same area: what is kept of the last sizes depends on it.
    sizes = sorted(sides, key=lambda size: abs(size[0] * size[1] - 128**2))
    for number in range(3 * count):
        network.predict(np.zeros((1, 3, *sizes[number]), np.float32))
        if number % count == count - 1:
            sys.stdout.write(f"{used()}\n")


if __name__ == "__main__":
    main()
