"""What is done about steps whose loss or gradient is not finite."""

from __future__ import annotations

import math

from osr.training.recipe import Recipe
from osr.training.run_folder import RunState
from osr_core.errors import TrainingError

FIRST_SCALE = 2.0**14
"""Factor on the loss in float16 at the start of a run."""

STEADY = 1000
"""Steps without overflow after which the factor doubles."""


def first_scale(recipe: Recipe) -> float:
    """Factor on the loss at the start of a run."""
    return FIRST_SCALE if recipe.precision == "float16" else 1.0


def count(state: RunState, loss: float, in_a_row: int, recipe: Recipe) -> int:
    """Note how a step went, and change the factor on the loss in float16.

    Args:
        state: changed in place.
        loss: of the step, not finite if it was skipped.
        in_a_row: steps skipped just before.
        recipe: how many in a row are too many.

    Returns:
        Steps skipped in a row by now; those do not count that a smaller factor may mend.

    Raises:
        TrainingError: if they are too many.
    """
    scaled = recipe.precision == "float16"
    if math.isfinite(loss):
        state.updates += 1
        state.steady += 1
        if scaled and state.steady == STEADY:
            state.scale, state.steady = state.scale * 2, 0
        return 0
    state.steady = 0
    if scaled and state.scale > 1:  # float16 overflows now and then; a smaller factor helps
        state.scale /= 2
        return in_a_row
    if in_a_row + 1 >= recipe.max_skipped_steps:
        raise TrainingError(
            f"step {state.step}: loss or gradient not finite {recipe.max_skipped_steps} times "
            "in a row; the last state on disk is good: lower recipe.optimizer.lr"
        )
    return in_a_row + 1
