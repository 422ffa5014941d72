"""Do the backends compute the same? Measured on the user's own machine.

The judge is the NumPy reference in float64. Gradients have no third voter: they are compared
between two backends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.analysis import analyse
from osr_core.reference import forward
from osr_core.spec import ModelSpec
from osr_core.training.options import TrainerOptions
from osr_core.training.trainer import Trainer

OUTPUT_TOLERANCE = 1e-5
"""Absolute, for images in [0, 1]."""

GRADIENT_TOLERANCE = 1e-5
"""Of the largest value of each gradient tensor."""

PICTURES = 4
"""Most pictures that are tried for a gradient."""


@dataclass(frozen=True)
class Row:
    """One comparison."""

    model: str
    check: str
    """``output``, ``gradient`` or ``conversion``."""
    between: str
    """The two that were compared."""
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.difference <= self.tolerance


def compare(
    model: str,
    spec: ModelSpec,
    state: Mapping[str, NDArray[np.floating[Any]]],
    backends: Mapping[str, Any],
) -> list[Row]:
    """Outputs and gradients of one network in several backends.

    Args:
        model: a name for the rows.
        spec: the network.
        state: its weights.
        backends: backend modules by name, for instance ``{"torch": backends.torch}``.
    """
    spec = replace(spec, frozen=False)  # what does not learn has gradients to compare, too
    networks = {name: module.build(spec, state=state) for name, module in backends.items()}
    image, _ = _batch(spec, 0)
    outputs = {name: network.predict(image) for name, network in networks.items()}
    outputs["numpy"] = forward(spec, state, image.astype(np.float64))
    rows = [
        Row(model, "output", f"{one}, {other}", largest_difference(outputs[one], outputs[other]),
            OUTPUT_TOLERANCE)
        for one, other in combinations(outputs, 2)
    ]  # fmt: skip
    options = TrainerOptions()
    trainers = {n: backends[n].Trainer(network, options) for n, network in networks.items()}
    for one, other in combinations(trainers, 2):
        difference = _gradient_difference(spec, trainers[one], trainers[other])
        rows.append(Row(model, "gradient", f"{one}, {other}", difference, GRADIENT_TOLERANCE))
    return rows


def _gradient_difference(spec: ModelSpec, one: Trainer, other: Trainer) -> float:
    """The least of some pictures: rounding may put a ReLU or a sign of the L1 loss on the other
    side of its kink in one of them, where a wrong gradient is wrong in all."""
    differences = []
    for seed in range(PICTURES):
        image, target = _batch(spec, seed)
        first, second = (trainer.gradients(image, target)[1] for trainer in (one, other))
        worst = np.max([relative_difference(first[n], second[n]) for n in first])
        differences.append(float(worst))
        if differences[-1] <= GRADIENT_TOLERANCE:
            break
    return float(np.min(differences))  # as np.max, not a number if any is not


def _batch(spec: ModelSpec, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    side = 2 * analyse(spec).total_stride + 8
    side -= side % analyse(spec).total_stride
    rng = np.random.default_rng(seed)
    image = rng.random((1, 3, side, 2 * side), np.float32)
    return image, rng.random(image.shape, np.float32)


def largest_difference(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> float:
    """Largest absolute difference; not a number if either holds one."""
    return float(np.abs(x - y).max())


def relative_difference(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> float:
    """Largest difference of two tensors as a share of the largest value of either.

    Two tensors of zeros do not differ; what is not a number makes the result not a number.
    """
    largest = float(np.max([np.abs(x).max(), np.abs(y).max()]))
    return largest_difference(x, y) / largest if largest != 0 else 0.0
