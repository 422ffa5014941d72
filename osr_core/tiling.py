"""Pictures of any size in bounded memory: overlapping windows whose seams cannot be seen.

A network that sees ``reach`` pixels to each side computes the inside of a window exactly as it
computes the whole picture, so only insides are kept. All windows of a picture have one size (what
compilers of fixed shapes want) and start at multiples of the network's size multiple (so that its
strides fall on the same pixels as in the whole picture).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from osr_core.errors import OptionError

LEAST_TILE = 1152
"""Windows are not chosen smaller; smaller pictures are done whole."""


def default_tile(reach: int) -> int:
    """Side of a window in pixels where none is asked for.

    Four and a half times the reach at least: then no more than 3.3 pixels are computed for each
    that is kept, and the default model needs less than 1.5 GiB.

    >>> default_tile(97), default_tile(301)
    (1152, 1354)
    """
    return max(LEAST_TILE, 9 * reach // 2)


@dataclass(frozen=True)
class Span:
    """One window along one axis, in pixels."""

    start: int
    stop: int
    keep_start: int
    """The kept part lies in ``start ≤ keep_start < keep_stop ≤ stop``."""
    keep_stop: int

    @property
    def window(self) -> slice:
        """What the network sees, in the picture."""
        return slice(self.start, self.stop)

    @property
    def keep(self) -> slice:
        """What is kept of it, in the picture."""
        return slice(self.keep_start, self.keep_stop)

    @property
    def inside(self) -> slice:
        """What is kept of it, in the window."""
        return slice(self.keep_start - self.start, self.keep_stop - self.start)


def windows(
    height: int, width: int, tile: int, reach: int, multiple: int
) -> list[tuple[Span, Span]]:
    """Windows (rows, columns) that cover a picture, each pixel kept exactly once.

    Args:
        height: of the picture, a multiple of ``multiple``.
        width: likewise.
        tile: largest side of a window; rounded down to the multiple.
        reach: pixels to each side that influence an output pixel.
        multiple: the network's size multiple.

    Raises:
        OptionError: if the tile is so small that it would have no inside.

    >>> [(row.window, row.keep) for row, _ in windows(160, 64, 96, 16, 8)]
    [(slice(0, 96, None), slice(0, 80, None)), (slice(64, 160, None), slice(80, 160, None))]
    """
    rows, columns = (_spans(length, tile, reach, multiple) for length in (height, width))
    return list(product(rows, columns))


def _spans(length: int, tile: int, reach: int, multiple: int) -> Iterator[Span]:
    size = tile // multiple * multiple
    if length <= size:
        yield Span(0, length, 0, length)
        return
    margin = -(-reach // multiple) * multiple
    inside = size - 2 * margin
    if inside <= 0:
        least = 2 * margin + multiple
        raise OptionError(f"tile {tile}: this network needs at least {least}, or 0 for no tiles")
    count = -(-(length - 2 * margin) // inside)
    starts = [
        index * (length - size) // (count - 1) // multiple * multiple for index in range(count)
    ]
    edges = [0, *(start + margin for start in starts[1:]), length]
    for start, first, last in zip(starts, edges, edges[1:], strict=False):
        yield Span(start, start + size, first, last)
