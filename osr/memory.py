"""How large tiles may be, so that restoring stays within a given memory."""

from __future__ import annotations

import re
import sys
from math import prod, sqrt
from pathlib import Path

import numpy as np

from osr_core.analysis import analyse
from osr_core.backend import Network
from osr_core.errors import OptionError
from osr_core.strips import Rows

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_PICTURES = 3  # one that is read, one that is computed and one that is written
_MARGIN = 1.25  # for what a network takes beyond what was measured
_VALUES = 24  # per pixel, beside the feature maps: input, output and what becomes of them


def parse_bytes(text: str) -> int:
    """A number of bytes such as ``800M`` or ``1.5GiB``; units are powers of 1024.

    Raises:
        OptionError: if it is none.

    >>> parse_bytes("1.5GiB"), parse_bytes("800M")
    (1610612736, 838860800)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if match is None:
        raise OptionError(f"memory {text}: expected a number with a unit, such as 800M or 2GiB")
    return int(float(match[1]) * _UNITS[match[2]])


def resident_bytes() -> int:
    """Memory of this process at present; where the system does not say, at its peak."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096
    if sys.platform == "win32":
        return 400 << 20  # a backend with a small model
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def tile_area(network: Network, free: int, image: Rows | None = None) -> int:
    """Pixels of the largest tile of a network.

    Args:
        network: with its measured need (:class:`osr_core.backend.Network`).
        free: bytes for pictures and tiles, beside what the process had before.
        image: of which an array is in memory, or two strips of what is read by rows; a strip is as
            high as a tile.

    Raises:
        OptionError: if the memory does not suffice.
    """
    values = network.memory_factor * analyse(network.spec).peak_values
    pixel = 4 * (_MARGIN * values + _VALUES)  # bytes
    rows, whole = 0, 0
    if image is not None:
        row = prod(image.shape[1:]) * image.dtype.itemsize
        if isinstance(image, np.ndarray):
            whole = _PICTURES * len(image) * row
        else:
            rows = _PICTURES * 2 * row  # for each row of a tile
    rest = free - whole
    # The side s of a square tile takes pixel · s² + rows · s.
    side = (sqrt(rows**2 + 4 * pixel * max(rest, 0)) - rows) / (2 * pixel)
    if side < 1:
        raise OptionError(
            f"memory: {max(free, 0) >> 20} MiB beside the model do not suffice for images of "
            f"{(whole or rows) >> 20} MiB; use a larger --memory"
        )
    return int(side**2)
