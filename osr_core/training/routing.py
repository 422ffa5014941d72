"""What routed experts learn from: which expert each image needs, and how much of it in each cell.

A change is an expert's output less the image. All that a training needs of the changes is their
inner products with each other and with the residual, the target less the image: the squared error
of any gates follows from them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

PENALTY_DB = 0.15
"""Gain that one more expert must bring in a cell, in decibels."""

FLOOR = (1 / 255) ** 2
"""Mean squared error below which little is gained: one 8-bit level."""

NEEDED_DB = 0.1
"""Loss without an expert from which on an image needs it, in decibels."""

MISSED = 0.5
"""Weight in the router's loss of an expert that is needed, for each decibel between
:data:`NEEDED_DB` and :data:`MOST_DB` that the image would lose without it. One that is not needed
weighs 1: to run it costs time alone."""

MOST_DB = 8.0
"""Loss without an expert above which no more is made of it, in decibels."""

FIT = 0.3
"""Weight of the cross-entropy of gates with :func:`gate_targets`, beside the error they leave."""

WHOLE = 2.0
"""Weight of the error that gates leave of whole images, beside that of cells."""

HEADS = "router_context", "router_blockiness", "router_hidden", "routes", "gate_", "gates"
"""Beginnings of the names of the last layers of the router and of the gates."""

NEIGHBOURS = 3
"""Side in cells of the neighbourhood that decides on the weights of a cell."""

CAPACITY = 20_000
"""Samples that are kept to be repeated: images of 256 × 256 pixels take up to 8 GB."""

Array = NDArray[np.floating[Any]]


def is_head(name: str) -> bool:
    """Whether a weight of routed experts belongs to the last layers of the router or to the gates.

    >>> is_head("routes.0.weight"), is_head("router.0.weight")
    (True, False)
    """
    return name.startswith(HEADS)


class Samples(NamedTuple):
    """A batch for the router and the gates of K experts."""

    inputs: NDArray[np.floating[Any]]
    """The images, ``(N, 3, H, W)``, or what the router sees in them, ``(N, E, 1, 1)``."""
    products: NDArray[np.float32]
    """:func:`inner_products`."""
    gates: NDArray[np.float32]
    """:func:`gate_targets`."""
    needs: NDArray[np.float32]
    """:func:`needs`."""

    @property
    def energies(self) -> NDArray[np.float32]:
        """Mean squares of the changes in each cell, ``(N, K, H/cell, W/cell)``."""
        return np.stack([self.products[:, k, k] for k in range(self.gates.shape[1])], 1)

    @property
    def arguments(self) -> tuple[NDArray[np.floating[Any]], ...]:
        """What a backend needs: inputs and energies, then what its ``routing_loss`` takes."""
        return self.inputs, self.energies, self.products, self.gates, self.needs


def routing_samples(
    images: NDArray[np.float32], targets: NDArray[np.float32], changes: Sequence[Array], cell: int
) -> Samples:
    """What a batch and the changes of its images teach.

    Args:
        images: ``(N, 3, H, W)``.
        targets: the clean images, of the same shape.
        changes: of each expert, its output less the image, of the same shape.
        cell: side of a cell in pixels; H and W are multiples of it.
    """
    products = inner_products(changes, targets - images, cell)
    gates = gate_targets(products)
    return Samples(images, products, gates, needs(products, gates))


def inner_products(changes: Sequence[Array], residual: Array, cell: int) -> NDArray[np.float32]:
    """Means over cells of the products of all changes and, last, the residual.

    Args:
        changes: of each of K experts, ``(N, 3, H, W)``.
        residual: the target less the image, of the same shape.
        cell: side of a cell in pixels; H and W are multiples of it.

    Returns:
        ``(N, K + 1, K + 1, H/cell, W/cell)``.
    """
    all_ = [*changes, residual]
    n, _, height, width = residual.shape
    shape = n, len(all_), len(all_), height // cell, width // cell
    products = np.empty(shape, np.float32)
    for i, one in enumerate(all_):
        for j, other in enumerate(all_[: i + 1]):
            products[:, i, j] = products[:, j, i] = _cell_means(one * other, cell)
    return products


def gate_targets(products: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each cell, the weights of the experts' changes that bring the image to its target.

    Errors are those of a cell and its neighbours, since a degradation seldom ends between two
    cells: fewer experts run, for nearly the same gain. Of all sets of at most two experts the one
    of the lowest error is taken, where each expert counts :data:`PENALTY_DB`. Its weights are the
    least-squares solution in [0, 1].

    Returns:
        ``(N, K, H/cell, W/cell)``, 0 for those not in the set.

    >>> noise = np.ones((1, 3, 8, 8))
    >>> gate_targets(inner_products([noise, noise / 2], noise, 8)).ravel()
    array([1., 0.], dtype=float32)
    """
    sums = _neighbour_sums(products.astype(np.float64))
    inner = sums / _neighbour_sums(np.ones(products.shape[-2:]))
    count = products.shape[1] - 1
    before = inner[:, -1, -1]  # (N, h, w)
    weights = np.zeros((count, *before.shape))
    best = np.log10(before + FLOOR)
    for chosen in [*combinations(range(count), 1), *combinations(range(count), 2)]:
        w = _fit(chosen, inner)
        error = before - sum(w[i] * (2 * inner[:, i, -1]) for i in chosen)
        error += sum(w[i] * w[j] * inner[:, i, j] for i in chosen for j in chosen)
        score = np.log10(np.maximum(error, 0) + FLOOR) + len(chosen) * PENALTY_DB / 10
        better = score < best
        best = np.where(better, score, best)
        weights[:, better] = 0
        for i in chosen:
            weights[i][better] = w[i][better]
    return np.ascontiguousarray(weights.swapaxes(0, 1), np.float32)


def needs(products: NDArray[np.float32], gates: NDArray[np.float32]) -> NDArray[np.float32]:
    """What an image would lose without each expert at these gates, in decibels, ``(N, K)``."""
    whole = _decibels(products, gates)
    found = []
    for index in range(gates.shape[1]):
        without = gates.copy()
        without[:, index] = 0
        found.append(_decibels(products, without) - whole)
    return np.stack(found, 1).astype(np.float32)


class Replay:
    """Recent samples, repeated in later steps.

    Frozen experts make of an image the same changes in every step. Repeating it costs the router
    and the gates alone, and a step sees more images.

    Args:
        factor: samples that are repeated for each new one.
        seed: of their choice.
    """

    def __init__(self, factor: int, seed: int = 0) -> None:
        self.factor = factor
        self._rng = np.random.default_rng(seed)
        self._kept = deque[tuple[NDArray[np.floating[Any]], ...]](maxlen=CAPACITY)

    def add(self, new: Samples) -> Samples:
        """Keep N new samples; returns them with ``factor · N`` drawn from all that are kept."""
        if not self.factor:
            return new
        # In half precision a quarter of an 8-bit level is lost at most.
        stored = (new.inputs.astype(np.float16), *new[1:])
        self._kept.extend(zip(*stored, strict=True))
        drawn = self._rng.integers(0, len(self._kept), self.factor * len(new.inputs))
        old = zip(*(self._kept[i] for i in drawn), strict=True)
        joined = (np.concatenate((n, o), dtype=np.float32) for n, o in zip(new, old, strict=True))
        return Samples(*joined)


def _decibels(products: NDArray[np.float32], gates: NDArray[np.float32]) -> Array:
    """Error of images at these gates, (N,)."""
    weights = np.concatenate((gates, -np.ones_like(gates[:, :1])), 1)
    error = np.einsum("nihw,njhw,nijhw->n", weights, weights, products)
    cells = weights.shape[2] * weights.shape[3]
    return np.asarray(10 * np.log10(np.maximum(error / cells, 0) + FLOOR))


def _fit(chosen: tuple[int, ...], inner: Array) -> dict[int, Array]:
    """Weights in [0, 1] of one or two experts, by coordinate descent, which is exact after few."""
    tiny = 1e-12
    weights = {i: np.clip(inner[:, i, -1] / (inner[:, i, i] + tiny), 0, 1) for i in chosen}
    if len(chosen) == 2:
        for _ in range(8):
            for i, j in (chosen, chosen[::-1]):
                other = weights[j] * inner[:, i, j]
                weights[i] = np.clip((inner[:, i, -1] - other) / (inner[:, i, i] + tiny), 0, 1)
    return weights


def _cell_means(x: Array, cell: int) -> Array:
    """(N, 3, H, W) → (N, H/cell, W/cell)."""
    n, c, height, width = x.shape
    blocks = x.reshape(n, c, height // cell, cell, width // cell, cell)
    return np.asarray(blocks.mean((1, 3, 5), dtype=np.float64))


def _neighbour_sums(cells: Array) -> Array:
    """(…, h, w) → the same: sums over :data:`NEIGHBOURS` × :data:`NEIGHBOURS` cells, 0 outside."""
    edge = (NEIGHBOURS // 2,) * 2
    padded = np.pad(cells, [*[(0, 0)] * (cells.ndim - 2), edge, edge])
    windows = sliding_window_view(padded, (NEIGHBOURS, NEIGHBOURS), (-2, -1))  # type: ignore[call-overload]
    return np.asarray(windows.sum((-2, -1)))
