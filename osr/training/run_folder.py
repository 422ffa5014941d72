"""The folder of a training run: what is in it, and how a run is resumed.

============================  ===================================================================
``state-00001500.safetensors``  everything to resume from: the newest ``max_checkpoints`` of them
``model.safetensors``           the EMA of the newest state's weights: what is published
``best.safetensors``            the EMA of the best validation PSNR so far
``metrics.jsonl``               one line each ``log_every`` steps
``pictures/``                   validation samples: degraded, restored, clean
============================  ===================================================================

Each file is written atomically, so that a run may be killed at any moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.images import Picture, write
from osr.training.recipe import Recipe
from osr.training.run_state import ARRAYS, RunState
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, TrainingError
from osr_core.tensor_file import read_tensors, write_tensors
from osr_core.training.trainer import Arrays

MODEL = "model.safetensors"


def _group(tensors: Arrays, group: str) -> Arrays:
    prefix = f"{group}."
    return {n.removeprefix(prefix): a for n, a in tensors.items() if n.startswith(prefix)}


class RunFolder:
    """Reads and writes the folder of one run."""

    def __init__(self, path: Path, recipe: Recipe, fingerprint: str) -> None:
        self.path = path
        self.recipe = recipe
        self.fingerprint = fingerprint

    def create(self, resume: bool) -> None:
        """Create it; :class:`TrainingError` if it cannot be or holds a run not to be resumed."""
        if self.states() and not resume:
            raise TrainingError(
                f"{self.path}: holds a run; add --resume to continue it, or use another folder"
            )
        try:
            (self.path / "pictures").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"{self.path}: cannot be created: {error.strerror}") from None

    def states(self) -> list[Path]:
        """Files of states, the oldest first."""
        return sorted(self.path.glob("state-*.safetensors"))

    def save(self, state: RunState) -> None:
        """Write a state and remove all but the newest ``max_checkpoints``.

        At a :class:`CheckpointError`, if the disk is full for instance, older states are kept.
        """
        tensors = {f"{g}.{n}": a for g in ARRAYS for n, a in getattr(state, g).items()}
        metadata = {
            "numbers": json.dumps(state.numbers()),
            "recipe": json.dumps(self.recipe.to_dict()),
            "files": self.fingerprint,
        }
        write_tensors(self.path / f"state-{state.step:08}.safetensors", tensors, metadata)
        for old in self.states()[: -self.recipe.max_checkpoints]:
            old.unlink(missing_ok=True)

    def load(self) -> RunState | None:
        """The newest state, if there is any.

        Raises :class:`CheckpointError` if it cannot be read, and :class:`TrainingError` if it
        belongs to another recipe or other files.
        """
        states = self.states()
        if not states:
            return None
        path = states[-1]
        tensors, metadata = read_tensors(path)
        try:
            recipe = Recipe.from_dict(json.loads(metadata["recipe"]))
            weight, average, optimizer = (_group(tensors, name) for name in ARRAYS)
            state = RunState(weight, average, optimizer, **json.loads(metadata["numbers"]))
        except (KeyError, ValueError, TypeError):
            raise CheckpointError(f"{path}: not the state of a run; remove it") from None
        if differing := self.recipe.differences(recipe):
            keys = ", ".join(f"recipe.{key}" for key in differing)
            raise TrainingError(f"{path}: its run has another {keys}; use another folder")
        if metadata.get("files") != self.fingerprint:
            raise TrainingError(
                f"{path}: its run has other images; restore them or use another folder"
            )
        return state

    def publish(self, name: str, average: Arrays, step: int, provenance: Mapping[str, Any]) -> None:
        """Write weights as a checkpoint."""
        about = {**provenance, "steps": step}
        Checkpoint(self.recipe.spec, average, self.recipe.to_dict(), about).save(self.path / name)

    def write_picture(self, step: int, pixels: NDArray[np.uint8]) -> None:
        """Write the picture of the validation samples, (H, W, 3); raises ImageError."""
        write(self.path / "pictures" / f"step-{step:08}.png", Picture(pixels))
