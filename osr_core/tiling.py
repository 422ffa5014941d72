"""Images of any size in bounded memory: overlapping tiles without visible seams.

A network with a halo of *h* pixels computes everything further than *h* from the edge of a tile
exactly as it does in the whole image, so only that valid part is kept. Most of a halo hardly
influences a pixel, so a smaller overlap usually suffices (:mod:`osr_core.strips`). All tiles of an
image have one size, and start at multiples of the network's total stride, so that its strides fall
on the same pixels as in the whole image. Valid parts meet in the middle of what two tiles share.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from osr_core.analysis import Analysis
from osr_core.errors import OptionError

Overlap = int | Literal["auto", "exact"]
"""Of tiles; see :class:`Tiling`."""

LARGEST_AREA = 4096 * 4096
"""Pixels of the largest tile that is worth its memory: with the usual overlaps, 6 % of it are
computed twice."""

_DEFAULT_AREA = 2048 * 2048  # pixels at most
_FEATURE_MAPS = 420 << 20  # bytes for those of a tile by default


def default_area(peak_values: float, overlap: int) -> int:
    """Pixels of a tile by default: what 420 MiB suffice for, but more if that were mostly overlap.

    Args:
        peak_values: of the network's feature maps per pixel, as much memory as they take
            (:class:`~.analysis.Analysis`, :class:`~.backend.Network`).
        overlap: as in :func:`spans`.

    >>> default_area(64, 56), default_area(20, 56), default_area(118, 96), default_area(118, 304)
    (1720320, 4194304, 933054, 1871424)
    """
    area = min(int(_FEATURE_MAPS / (4 * max(peak_values, 1))), _DEFAULT_AREA)
    return max(area, (9 * overlap // 2) ** 2)


@dataclass
class Tiling:
    """How images are divided. It changes when the memory turns out too small."""

    side: int | None = None
    """Longest side of a tile in pixels; 0: the whole image; None: by ``area``."""
    area: int | None = None
    """Pixels of a tile; None: ``limit``, or :func:`default_area`."""
    limit: int | None = None
    """Pixels of a tile that the memory suffices for, if that is known."""
    overlap: Overlap = "auto"
    """In pixels; ``exact``: the halo; ``auto``: the measured one of the network, verified."""
    note: str | None = None
    """That the memory did not suffice for the tiles asked for."""

    def __post_init__(self) -> None:
        if self.side is not None and self.side < 0:
            raise OptionError(f"tile {self.side}: expected 0 or a number of pixels")
        if not isinstance(self.overlap, str) and self.overlap < 0:
            raise OptionError(f"overlap {self.overlap}: expected auto, exact or a number of pixels")

    def pixels(self, info: Analysis, overlap: int = 0) -> int:
        """Pixels of a tile of a network."""
        if self.limit is None:
            return self.area or default_area(info.peak_values, overlap)
        return min(self.area or LARGEST_AREA, self.limit)

    def sides(self, height: int, width: int, info: Analysis, overlap: int) -> tuple[int, int]:
        """Largest height and width of the tiles of an image."""
        if self.side is None:
            pixels = self.pixels(info, overlap)
            return tile_sides(height, width, pixels, overlap, info.total_stride)
        side = self.side or max(height, width)
        return side, side

    def halve(self, height: int, width: int) -> None:
        """Halve the sides of tiles, which were of this size."""
        if self.side is not None:
            self.side = max(height, width) // 2
        self.area = height * width // 4
        self.note = f"out of memory; continued with tiles of {height // 2} × {width // 2} pixels"


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


def spans(length: int, tile: int, overlap: int, stride: int, first: int = 0) -> list[Span]:
    """Tiles along one axis, all of one size, each pixel from ``first`` on in one valid part.

    Args:
        length: of the image, a multiple of ``stride``.
        tile: largest side of a tile; tiles are as small as their number allows.
        overlap: pixels between the valid part of a tile and its edges inside the image.
        stride: the network's total stride.
        first: pixel at which the first valid part starts.

    Raises:
        OptionError: if the tile is so small that it would have no valid part.

    >>> [(span.tile, span.valid) for span in spans(160, 120, 16, 8)]
    [(slice(0, 96, None), slice(0, 80, None)), (slice(64, 160, None), slice(80, 160, None))]
    """
    origin = max(0, (first - overlap) // stride * stride)
    shared = shared_by_tiles(overlap, stride)
    size = _side(length - origin, tile, shared, stride)
    rest = length - origin - size
    count = _count(length - origin, size, shared)
    starts = [origin + i * rest // max(1, count - 1) // stride * stride for i in range(count)]
    middles = (-(-(start + size + after) // 2) for start, after in pairwise(starts))
    edges = [first, *middles, length]
    return [
        Span(start, start + size, *valid)
        for start, valid in zip(starts, pairwise(edges), strict=True)
    ]


def shared_by_tiles(overlap: int, stride: int) -> int:
    """Pixels that two tiles share at least, a multiple of the stride.

    >>> shared_by_tiles(56, 8), shared_by_tiles(88, 64)
    (112, 192)
    """
    return -(-2 * overlap // stride) * stride


def tile_sides(height: int, width: int, area: int, overlap: int, stride: int) -> tuple[int, int]:
    """Height and width of the tiles of at most ``area`` pixels that compute the fewest pixels.

    Args:
        height: of the image, a multiple of ``stride``.
        width: likewise.
        area: pixels of a tile; more if the network needs larger ones.
        overlap: as in :func:`spans`.
        stride: the network's total stride.

    >>> tile_sides(3000, 4000, 768 * 768, 64, 8)
    (848, 688)
    """
    shared = shared_by_tiles(overlap, stride)
    least = shared + stride
    area = max(area, min(least, height) * min(least, width))
    best = None
    for rows in range(1, height // stride + 1):
        side = _even(height, rows, shared, stride)
        if side < min(least, height):
            break
        across = min(area // side, width) // stride * stride
        if across < min(least, width):
            continue
        fewest = _count(width, across, shared)
        for count in (fewest, fewest + 1):  # rounding to strides can make one more the better
            across = _even(width, count, shared, stride)
            cost = rows * side * count * across
            if across >= min(least, width) and (best is None or cost < best[0]):
                best = cost, side, across
    return best[1:] if best else (min(least, height), min(least, width))


def _side(length: int, tile: int, shared: int, stride: int) -> int:
    """Side of the tiles of a length: the whole, or the smallest for their number."""
    size = tile // stride * stride
    if length <= size:
        return length
    if size <= shared:
        smallest = shared + stride
        raise OptionError(f"tile {tile}: this network needs at least {smallest}, or 0 for no tiles")
    return _even(length, _count(length, size, shared), shared, stride)


def _count(length: int, side: int, shared: int) -> int:
    """How many tiles of a side cover a length."""
    return 1 if side >= length else -(-(length - shared) // (side - shared))


def _even(length: int, count: int, shared: int, stride: int) -> int:
    """Side of ``count`` equal tiles that cover a length."""
    return -(-(length + shared * (count - 1)) // (count * stride)) * stride
