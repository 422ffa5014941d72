"""Images of any size in bounded memory: overlapping tiles without visible seams.

A network with a halo of *h* pixels computes everything further than *h* from the edge of a tile
exactly as it does in the whole image, so only that valid part is kept. All tiles of an image have
one size, and start at multiples of the network's total stride, so that its strides fall on the
same pixels as in the whole image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from osr_core.errors import OptionError

MIN_TILE = 1152
"""Smallest default tile; smaller images are restored whole."""


def default_tile(halo: int) -> int:
    """Default side of a tile in pixels; at most 3.3 pixels are computed for each that is kept.

    >>> default_tile(97), default_tile(301)
    (1152, 1354)
    """
    return max(MIN_TILE, 9 * halo // 2)


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in pixels."""

    start: int
    stop: int
    valid_start: int
    """``start ≤ valid_start < valid_stop ≤ stop``."""
    valid_stop: int

    @property
    def tile(self) -> slice:
        """What the network takes, in the image."""
        return slice(self.start, self.stop)

    @property
    def valid(self) -> slice:
        """What is kept of the result, in the image."""
        return slice(self.valid_start, self.valid_stop)

    @property
    def valid_in_tile(self) -> slice:
        """What is kept of the result, in the tile."""
        return slice(self.valid_start - self.start, self.valid_stop - self.start)


def tiles(height: int, width: int, tile: int, halo: int, stride: int) -> list[tuple[Span, Span]]:
    """Tiles (rows, columns) that cover an image, each pixel in the valid part of exactly one.

    Args:
        height: of the image, a multiple of ``stride``.
        width: likewise.
        tile: largest side of a tile; rounded down to a multiple of ``stride``.
        halo: pixels to each side that influence an output pixel.
        stride: the network's total stride.

    Raises:
        OptionError: if the tile is so small that it would have no valid part.

    >>> [(row.tile, row.valid) for row, _ in tiles(160, 64, 96, 16, 8)]
    [(slice(0, 96, None), slice(0, 80, None)), (slice(64, 160, None), slice(80, 160, None))]
    """
    rows, columns = (_spans(length, tile, halo, stride) for length in (height, width))
    return list(product(rows, columns))


def _spans(length: int, tile: int, halo: int, stride: int) -> Iterator[Span]:
    size = tile // stride * stride
    if length <= size:
        yield Span(0, length, 0, length)
        return
    margin = -(-halo // stride) * stride
    step = size - 2 * margin
    if step <= 0:
        smallest = 2 * margin + stride
        raise OptionError(f"tile {tile}: this network needs at least {smallest}, or 0 for no tiles")
    count = -(-(length - 2 * margin) // step)
    starts = [index * (length - size) // (count - 1) // stride * stride for index in range(count)]
    edges = [0, *(start + margin for start in starts[1:]), length]
    for start, first, last in zip(starts, edges, edges[1:], strict=False):
        yield Span(start, start + size, first, last)
