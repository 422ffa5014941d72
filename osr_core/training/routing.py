"""What the gates of routed experts should be: a sparse least-squares fit in each cell."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

PENALTY_DB = 0.15
"""Gain that one more expert must bring in a cell, in decibels."""

FLOOR = (1 / 255) ** 2
"""Mean squared error below which little is gained: one 8-bit level."""

NEIGHBOURS = 3
"""Side in cells of the neighbourhood that decides on the weights of a cell."""

CAPACITY = 2000
"""Samples that are kept to be repeated."""

Array = NDArray[np.floating[Any]]


def routing_targets(changes: Sequence[Array], residual: Array, cell: int) -> NDArray[np.float32]:
    """For each cell, the weights of the experts' changes that bring the image to its target.

    Errors are those of a cell and its neighbours, since a degradation seldom ends between two
    cells: fewer experts run, for nearly the same gain. Of all sets of at most two experts the one
    of the lowest error is taken, where each expert counts :data:`PENALTY_DB`. Its weights are the
    least-squares solution in [0, 1].

    Args:
        changes: of each expert, its output less the image, ``(N, 3, H, W)``.
        residual: the target less the image, of the same shape.
        cell: side of a cell in pixels; H and W are multiples of it.

    Returns:
        ``(N, K, H/cell, W/cell)`` for K experts, 0 for those not in the set.

    >>> noise = np.ones((1, 3, 8, 8))
    >>> routing_targets([noise, noise / 2], noise, 8).ravel()
    array([1., 0.], dtype=float32)
    """
    inner = {
        (i, j): _cell_means(a * b, cell)
        for (i, a), (j, b) in combinations([*enumerate(changes), (-1, residual)], 2)
    } | {(i, i): _cell_means(a * a, cell) for i, a in enumerate(changes)}
    before = _cell_means(residual * residual, cell)  # (N, h, w)
    weights = np.zeros((len(changes), *before.shape))
    best = np.log10(before + FLOOR)
    sets = [*combinations(range(len(changes)), 1), *combinations(range(len(changes)), 2)]
    for chosen in sets:
        w = _fit(chosen, inner)
        error = before - sum(w[i] * (2 * inner[i, -1]) for i in chosen)
        error += sum(w[i] * w[j] * inner[min(i, j), max(i, j)] for i in chosen for j in chosen)
        score = np.log10(np.maximum(error, 0) + FLOOR) + len(chosen) * PENALTY_DB / 10
        better = score < best
        best = np.where(better, score, best)
        weights[:, better] = 0
        for i in chosen:
            weights[i][better] = w[i][better]
    return np.ascontiguousarray(weights.swapaxes(0, 1), np.float32)


class Replay:
    """Recent samples with the targets of their gates, repeated in later steps.

    Frozen experts give a sample the same targets in every step. Repeating it costs the gating
    network alone, and a step sees more images.

    Args:
        factor: samples that are repeated for each new one.
        seed: of their choice.
    """

    def __init__(self, factor: int, seed: int = 0) -> None:
        self.factor = factor
        self._rng = np.random.default_rng(seed)
        self._samples = deque[tuple[NDArray[np.float16], NDArray[np.float32]]](maxlen=CAPACITY)

    def add(
        self, images: NDArray[np.float32], targets: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Keep N new samples; returns them with ``factor · N`` drawn from all that are kept."""
        if not self.factor:
            return images, targets
        # In half precision a quarter of an 8-bit level is lost at most.
        self._samples.extend(zip(images.astype(np.float16), targets, strict=True))
        drawn = self._rng.integers(0, len(self._samples), self.factor * len(images))
        old = [self._samples[i] for i in drawn]
        return (
            np.concatenate((images, [image.astype(np.float32) for image, _ in old])),
            np.concatenate((targets, [target for _, target in old])),
        )


def _fit(chosen: tuple[int, ...], inner: dict[tuple[int, int], Array]) -> dict[int, Array]:
    """Weights in [0, 1] of one or two experts, by coordinate descent, which is exact after few."""
    tiny = 1e-12
    weights = {i: np.clip(inner[i, -1] / (inner[i, i] + tiny), 0, 1) for i in chosen}
    if len(chosen) == 2:
        for _ in range(8):
            for i, j in (chosen, chosen[::-1]):
                other = weights[j] * inner[min(chosen), max(chosen)]
                weights[i] = np.clip((inner[i, -1] - other) / (inner[i, i] + tiny), 0, 1)
    return weights


def _cell_means(x: Array, cell: int) -> Array:
    """(N, 3, H, W) → (N, H/cell, W/cell)."""
    n, c, height, width = x.shape
    blocks = x.reshape(n, c, height // cell, cell, width // cell, cell)
    means = blocks.mean((1, 3, 5), dtype=np.float64)
    return _neighbour_sums(means) / _neighbour_sums(np.ones_like(means))


def _neighbour_sums(cells: Array) -> Array:
    """(N, h, w) → the same: sums over :data:`NEIGHBOURS` × :data:`NEIGHBOURS` cells, 0 outside."""
    padded = np.pad(cells, [(0, 0), *[(NEIGHBOURS // 2,) * 2] * 2])
    size = (NEIGHBOURS, NEIGHBOURS)
    windows = sliding_window_view(padded, size, (1, 2))  # type: ignore[call-overload]
    return np.asarray(windows.sum((-2, -1)))
