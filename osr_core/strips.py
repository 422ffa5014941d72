"""Restoring an image from top to bottom, a strip of tiles at a time.

The strips are independent of the size of the image: what is read, computed and kept at one time is
two of them. The overlap of tiles starts with the one measured for the network, and is verified:
where two tiles meet, both have computed the same pixels with different surroundings, so that their
difference shows whether anything beyond the overlap matters. Where it reaches a level of 8 bit
the overlap is doubled for that strip, up to the halo, which is exact. An overlap that failed
twice is not tried again in this image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from osr_core.allocator import return_freed_memory
from osr_core.analysis import analyse
from osr_core.backend import Network
from osr_core.context import context_of_rows
from osr_core.errors import OptionError, OutputError, is_out_of_memory
from osr_core.pixels import from_planes, pad_right, split_alpha, to_planes
from osr_core.tiling import Overlap, Span, Tiling, shared_by_tiles, spans

Image = NDArray[Any]

TOLERANCE = 1 / 255
"""Two tiles must differ by less where they meet; pixels of 8 bit then differ by one at most."""

_MEMORY_FACTOR = 1.3  # of a network of one's own that does not know
_BAND = 4  # pixels to both sides of a seam that are compared
_NOT_FINITE = (
    "the network's output is not finite (NaN or infinity) in {}; its weights may be unusable, or "
    "need another precision"
)


class Rows(Protocol):
    """An image that is read by rows: an array, or a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(H, W)`` or ``(H, W, C)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""

    def __getitem__(self, rows: slice) -> Image:
        """Rows of the image."""


@dataclass
class _Strip:
    """The restored rows of a row of tiles."""

    rows: Span
    overlap: int
    pixels: Image
    below: NDArray[np.float32] | None
    """(2·band, W, 3) around the lower end of the valid part, if that is a seam to verify."""


class _SeamError(Exception):
    """Two tiles disagree where they meet."""


class Restoration:
    """One image being restored; iterate once, over strips of the result from top to bottom.

    ``context`` replaces that of the image, for a network that takes one (:mod:`osr_core.context`).

    Raises, while iterating: OptionError, OutputError, MemoryError; see
    :func:`osr_core.restoration.restore`.
    """

    def __init__(
        self,
        image: Rows,
        network: Network,
        tiling: Tiling,
        on_progress: Callable[[float], object] | None = None,
        *,
        context: NDArray[np.float32] | None = None,
    ) -> None:
        self._image, self._network, self._tiling = image, network, tiling
        self._context = context
        info, factor = analyse(network.spec), getattr(network, "memory_factor", _MEMORY_FACTOR)
        self._info = replace(info, peak_values=factor * info.peak_values)
        stride, least = self._info.total_stride, self._info.minimum
        self._height, self._width = (
            max(-(-side // stride) * stride, least) for side in image.shape[:2]
        )
        self._on_progress, self._reported = on_progress, 0.0
        halo = 0 if self._info.global_statistics else self._info.halo  # those are not tiled
        self._first = self._overlap = _first_overlap(tiling.overlap, network, halo)
        self._failures = Counter[int]()
        self._last: tuple[Image, NDArray[np.float32]] | None = None  # a tile, and its result

    def __iter__(self) -> Iterator[Image]:
        rows, columns = self._plan(0)
        tiled = len(rows) * len(columns) > 1
        if self._context is None and self._info.context_channels and tiled:
            size = self._height, self._width
            self._context = context_of_rows(self._image, *size, self._info.context_channels)
        held: _Strip | None = None  # until its lower seam is verified
        while rows:
            try:
                strip = self._strip(rows[0], columns, held)
            except _SeamError:
                self._failures[self._overlap] += 1
                self._overlap = self._doubled(self._overlap)
                if held and held.overlap < self._overlap:
                    rows, held = [held.rows], None
                rows, columns = self._plan(rows[0].valid_start)
                continue
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or not self._halve(rows[0], columns[0]):
                    raise
                rows, columns = self._plan(rows[0].valid_start)
                continue
            if held:
                yield held.pixels
            held, rows = strip, rows[1:]
            if rows and self._next_overlap() != self._overlap:
                self._overlap = self._next_overlap()
                rows, columns = self._plan(rows[0].valid_start)
        assert held is not None
        yield held.pixels

    def _doubled(self, overlap: int) -> int:
        return min(2 * overlap, self._info.halo)

    def _next_overlap(self) -> int:
        """The smallest that has not failed twice."""
        overlap = self._first
        while self._failures[overlap] > 1:
            overlap = self._doubled(overlap)
        return overlap

    def _plan(self, first: int) -> tuple[list[Span], list[Span]]:
        """Rows and columns of tiles from a row on."""
        stride = self._info.total_stride
        sides = self._tiling.sides(self._height, self._width, self._info, self._overlap)
        height, width = (max(side, self._info.minimum) for side in sides)
        rows = spans(self._height, height, self._overlap, stride, first)
        columns = spans(self._width, width, self._overlap, stride)
        if self._info.global_statistics and len(rows) * len(columns) > 1:
            raise OptionError(
                f"tiles of {height} × {width}: this network depends on the whole image, so that "
                "tiles would change its result; use 0 to restore it whole"
            )
        return rows, columns

    def _halve(self, row: Span, column: Span) -> bool:
        """Halve the tiles, if the network can be tiled and the halves have a valid part."""
        height, width = row.stop - row.start, column.stop - column.start
        stride = self._info.total_stride
        least = shared_by_tiles(self._overlap, stride) + stride
        if self._info.global_statistics or max(height, width) < 2 * least:
            return False
        self._tiling.halve(height, width)
        return True

    def _strip(self, rows: Span, columns: list[Span], above: _Strip | None) -> _Strip:
        source = self._image[slice(rows.start, min(rows.stop, self._image.shape[0]))]
        colour, alpha, hidden = split_alpha(source)
        height, width = min(rows.valid_stop, len(source) + rows.start), self._image.shape[1]
        kept = slice(rows.valid_start - rows.start, height - rows.start)
        result = np.empty_like(source[kept])
        target = result if alpha is None else result[..., :-1]
        padded = pad_right(colour, rows.stop - rows.start, self._width)
        check = self._tiling.overlap == "auto" and self._overlap < self._info.halo
        band = min(_BAND, self._overlap) if check else 0
        seam = rows.valid_stop - rows.start
        below = np.empty((2 * band, self._width, 3), np.float32) if band else None
        left: NDArray[np.float32] | None = None
        if above:
            return_freed_memory()
        for column in columns:
            restored = self._restored(padded[:, column.tile])  # (h, w, 3)
            valid, first = column.valid_in_tile, column.valid_start - column.start
            if band and left is not None:
                _verify(left, restored[kept, first - band : first + band])
            if above is not None and above.below is not None:
                top = rows.valid_start - rows.start
                around = restored[top - band : top + band, valid]
                _verify(above.below[:, column.valid], around)
            if below is not None and rows.valid_stop < self._height:
                below[:, column.valid] = restored[seam - band : seam + band, valid]
            if band and column.valid_stop < self._width:
                last = valid.stop
                left = restored[kept, last - band : last + band].copy()
            pixels = target[:, column.valid]  # without the padding
            from_planes(restored[kept, valid][:, : pixels.shape[1]], pixels)
            done = rows.valid_start * width + (height - rows.valid_start) * column.valid_stop
            self._report(done / (self._image.shape[0] * width))
        if alpha is not None:
            assert hidden is not None
            target[hidden[kept]] = source[kept][..., :-1][hidden[kept]]
            result[..., -1:] = alpha[kept]
        return _Strip(
            rows, self._overlap, result, below if rows.valid_stop < self._height else None
        )

    def _restored(self, tile: Image) -> NDArray[np.float32]:
        """The result of a tile; that of the last one if they are equal, as blank ones are."""
        if self._last is None or not np.array_equal(self._last[0], tile):
            self._last = None  # its memory, while the next one is computed
            self._last = tile.copy(), self._predict(tile)
        return self._last[1].copy()

    def _predict(self, tile: Image) -> NDArray[np.float32]:
        """(h, w[, C]) of any type → (h, w, 3) float32, clipped to [0, 1]."""
        restored = self._network.predict(to_planes(tile), self._context)[0].transpose(1, 2, 0)
        if not np.isfinite(restored).all():
            raise OutputError(_NOT_FINITE.format(self._network.precision))
        writable = restored if restored.flags.writeable else restored.copy()
        return np.clip(writable, 0, 1, out=writable)

    def _report(self, done: float) -> None:
        """Progress only grows, though a strip may be computed again."""
        if self._on_progress is not None and min(done, 1) > self._reported:
            self._on_progress(min(done, 1) - self._reported)
            self._reported = min(done, 1)


def _first_overlap(overlap: Overlap, network: Network, halo: int) -> int:
    if isinstance(overlap, int):
        return overlap
    measured = getattr(network, "overlap", None)  # a network of one's own may not have it
    return halo if overlap == "exact" or measured is None else min(max(measured, 2 * _BAND), halo)


def _verify(one: NDArray[np.float32], other: NDArray[np.float32]) -> None:
    if np.abs(one - other).max() >= TOLERANCE:
        raise _SeamError
