"""Where a training run stands, and what each step changes in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.training.recipe import Recipe
from osr_core.training.trainer import Arrays

ARRAYS = ("weight", "average", "optimizer")
"""Fields of :class:`RunState` that hold arrays."""

INIT_SCALE = 2.0**14
"""Factor on the loss in float16 at the start of a run."""

GROWTH_STEPS = 1000
"""Steps without overflow after which the factor doubles."""

EMA_EVERY = 10
"""Steps between two updates of the EMA; each weighs in for all of them."""


@dataclass
class RunState:
    """Everything that a run needs to resume to the same bits."""

    weight: Arrays
    """Weights by canonical name."""
    average: Arrays
    """Their EMA at the last multiple of :data:`EMA_EVERY`; see :meth:`ema`."""
    optimizer: Arrays = field(default_factory=dict)
    """Moments of the optimizer by name."""
    step: int = 0
    """Steps done, including skipped ones."""
    updates: int = 0
    """Steps that changed the weights."""
    loss_scale: float = 1.0
    """Factor on the loss, so that gradients do not underflow in float16."""
    growth_steps: int = 0
    """Steps since the factor changed."""
    consecutive_skips: int = 0
    """Steps in a row that were skipped, without those that a smaller factor can help."""
    best: float = -math.inf
    """Best PSNR so far, dB."""
    best_step: int = 0

    @classmethod
    def initial(cls, weights: Arrays, recipe: Recipe) -> RunState:
        """Before the first step."""
        scale = INIT_SCALE if recipe.precision == "float16" else 1.0
        return cls(weights, dict(weights), loss_scale=scale)

    def numbers(self) -> dict[str, Any]:
        """All but the arrays, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ARRAYS}

    def count(self, loss: float, recipe: Recipe) -> None:
        """Count a step, whose loss is not finite if it was skipped; in float16 adapt the factor."""
        scaled = recipe.precision == "float16"
        self.step += 1
        if math.isfinite(loss):
            self.updates += 1
            self.growth_steps += 1
            self.consecutive_skips = 0
            if scaled and self.growth_steps == GROWTH_STEPS:
                self.loss_scale, self.growth_steps = self.loss_scale * 2, 0
            return
        self.growth_steps = 0
        if scaled and self.loss_scale > 1:  # float16 overflows now and then
            self.loss_scale /= 2
        else:
            self.consecutive_skips += 1

    def ema(self, weights: Mapping[str, NDArray[np.float32]], decay: float) -> Arrays:
        """The EMA of the weights at this step, those after this step included.

        The decay is smaller in the first steps, so that the average does not remember the start:
        after t steps at most (1 - 1/t)^9, the power function EMA of Karras et al. (CVPR 2024).
        Without decay it is the weights themselves. Nothing is changed here: whether a run is
        stopped, saved or validated between two updates has no influence on its result.
        """
        last = (self.step - 1) // EMA_EVERY * EMA_EVERY
        keep = min(decay ** (self.step - last), (last / self.step) ** 9)
        if keep == 0:
            return dict(weights)
        # In this form frozen weights stay the same to the bit.
        return {n: self.average[n] + np.float32(1 - keep) * (w - self.average[n])
                for n, w in weights.items()}  # fmt: skip
