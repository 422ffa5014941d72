"""Do the backends compute the same? Measured on the user's own machine.

The judge is the NumPy reference in float64. Gradients have no third voter: they are compared
between two backends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.analysis import analyse
from osr_core.recipe import Recipe
from osr_core.reference import forward
from osr_core.spec import ModelSpec

OUTPUT_TOLERANCE = 1e-5
"""Absolute, for images in [0, 1]."""

GRADIENT_TOLERANCE = 1e-5
"""Of the largest value of each gradient tensor."""


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
    side = 4 * analyse(spec).size_multiple
    rng = np.random.default_rng(0)
    image = rng.random((1, 3, side, side + side // 2), np.float32)
    target = rng.random(image.shape, np.float32)
    judge = forward(spec, state, image.astype(np.float64))
    rows, outputs, gradients = [], {}, {}
    for name, module in backends.items():
        network = module.build(spec)
        network.load_state(state)
        outputs[name] = network.predict(image)
        trainer = module.Trainer(network, Recipe(spec, {"clean": 1.0}))
        gradients[name] = trainer.gradients(image, target)[1]
        difference = float(np.abs(outputs[name] - judge).max())
        rows.append(Row(model, "output", f"{name}, numpy", difference, OUTPUT_TOLERANCE))
    for one, other in combinations(backends, 2):
        between = f"{one}, {other}"
        difference = float(np.abs(outputs[one] - outputs[other]).max())
        rows.append(Row(model, "output", between, difference, OUTPUT_TOLERANCE))
        difference = max(
            relative_difference(gradients[one][name], gradients[other][name])
            for name in gradients[one]
        )
        rows.append(Row(model, "gradient", between, difference, GRADIENT_TOLERANCE))
    return rows


def relative_difference(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> float:
    """Largest difference of two tensors as a share of the largest value of either."""
    largest = max(float(np.abs(x).max()), float(np.abs(y).max()))
    return float(np.abs(x - y).max()) / largest if largest > 0 else 0.0
