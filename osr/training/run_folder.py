"""The folder of a training run: what is in it, and how a run is taken up again.

============================  ==============================================================
``state-00001500.safetensors``  everything to resume from: the newest ``keep`` of them
``model.safetensors``           the averaged weights of the newest state: what is published
``best.safetensors``            those of the best PSNR so far
``metrics.jsonl``               one line each ``log_every`` steps
``pictures/``                   degraded, restored, clear
============================  ==============================================================

Each file takes its place whole or not at all, so that a run may be killed at any moment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.training.recipe import Recipe
from osr_core.checkpoint import Checkpoint, read_tensors, write_tensors
from osr_core.errors import CheckpointError, TrainingError

Arrays = dict[str, NDArray[np.float32]]

GROUPS = ("weight", "average", "optimizer")


@dataclass
class RunState:
    """Where a run stands."""

    weight: Arrays
    """Weights by canonical name."""
    average: Arrays
    """Their moving average."""
    optimizer: Arrays = field(default_factory=dict)
    """Moments of the optimiser by name."""
    step: int = 0
    """Steps done, those included that were skipped."""
    updates: int = 0
    """Steps that changed the weights."""
    scale: float = 1.0
    """Factor on the loss, so that gradients do not vanish in float16."""
    steady: int = 0
    """Steps since the scale changed."""
    best: float = -math.inf
    """Best PSNR so far, dB."""
    best_step: int = 0


_NUMBERS = ("step", "updates", "scale", "steady", "best", "best_step")


def _group(tensors: Arrays, group: str) -> Arrays:
    prefix = f"{group}."
    return {n.removeprefix(prefix): a for n, a in tensors.items() if n.startswith(prefix)}


class RunFolder:
    """Reads and writes the folder of one run."""

    def __init__(self, path: Path, recipe: Recipe, fingerprint: str) -> None:
        self.path = path
        self.recipe = recipe
        self.fingerprint = fingerprint

    def states(self) -> list[Path]:
        """Files of states, the oldest first."""
        return sorted(self.path.glob("state-*.safetensors"))

    def save(self, state: RunState) -> None:
        """Write a state and remove what is older than the newest ``keep``.

        Raises:
            CheckpointError: if the disk is full, for instance; older states are then untouched.
        """
        tensors = {f"{g}.{n}": a for g in GROUPS for n, a in getattr(state, g).items()}
        numbers = {name: getattr(state, name) for name in _NUMBERS}
        metadata = {
            "numbers": json.dumps(numbers),
            "recipe": json.dumps(self.recipe.to_dict()),
            "files": self.fingerprint,
        }
        write_tensors(self.path / f"state-{state.step:08}.safetensors", tensors, metadata)
        for old in self.states()[: -self.recipe.max_checkpoints]:
            old.unlink(missing_ok=True)

    def load(self) -> RunState | None:
        """The newest state, if there is any.

        Raises:
            CheckpointError: if it cannot be read.
            TrainingError: if it belongs to another recipe or other files.
        """
        states = self.states()
        if not states:
            return None
        path = states[-1]
        tensors, metadata = read_tensors(path)
        try:
            recipe = Recipe.from_dict(json.loads(metadata["recipe"]))
            numbers = json.loads(metadata["numbers"])
        except (KeyError, ValueError):
            raise CheckpointError(f"{path}: not the state of a run; remove it") from None
        differing = self.recipe.differences(recipe)
        if differing:
            keys = ", ".join(f"recipe.{key}" for key in differing)
            raise TrainingError(f"{path}: its run has another {keys}; take another folder")
        if metadata.get("files") != self.fingerprint:
            raise TrainingError(
                f"{path}: belongs to a run on other images; restore them or take another folder"
            )
        weight, average, optimizer = (_group(tensors, name) for name in GROUPS)
        return RunState(weight, average, optimizer, **numbers)

    def publish(self, name: str, state: RunState, provenance: Mapping[str, Any]) -> Checkpoint:
        """Write the averaged weights (the weights, where no average is kept) as a checkpoint."""
        checkpoint = Checkpoint(
            self.recipe.spec,
            state.average if self.recipe.ema_decay else state.weight,
            self.recipe.to_dict(),
            {**provenance, "steps": state.step},
        )
        checkpoint.save(self.path / name)
        return checkpoint
