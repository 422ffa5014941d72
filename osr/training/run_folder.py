"""The folder of a training run: what is in it, and how a run is resumed.

============================  ===================================================================
``state-00001500.safetensors``  everything to resume from: the newest ``max_checkpoints`` of them
``model.safetensors``           the EMA of the newest state's weights: what is published
``best.safetensors``            the EMA of the best validation PSNR so far
``metrics.jsonl``               one line each ``log_every`` steps
``pictures/``                   validation samples: degraded, restored, clean
``.lock``                       locked while a training runs here
============================  ===================================================================

Each file is written atomically, so that a run may be killed at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.images import Picture, write
from osr.training.recipe import Recipe
from osr.training.run_state import RunState
from osr.training.state_files import Shapes, read_state, state_name, write_state
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, OSRError, TrainingError
from osr_core.files import remove_temporaries
from osr_core.training.trainer import Arrays

MODEL = "model.safetensors"
PICTURES = "pictures"

logger = logging.getLogger(__name__)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a run folder, created if missing, for one training; remove what killed ones left.

    Raises:
        TrainingError: if another training holds it, or it cannot be created or written.
    """
    from filelock import FileLock, Timeout

    try:
        (path / PICTURES).mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise TrainingError(
            f"{path}: another training runs in it; wait for its end or use another folder"
        ) from None
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        for folder in (path, path / PICTURES):
            remove_temporaries(folder)
        yield
    finally:
        lock.release()


class RunFolder:
    """Reads and writes the folder of one run."""

    def __init__(self, path: Path, recipe: Recipe, fingerprint: str) -> None:
        self.path = path
        self.recipe = recipe
        self.fingerprint = fingerprint

    def states(self) -> list[Path]:
        """Files of states, the oldest first."""
        return sorted(self.path.glob("state-*.safetensors"))

    def check_empty(self) -> None:
        """Raise :class:`TrainingError` if it holds a run."""
        if self.states():
            raise TrainingError(
                f"{self.path}: holds a run; add --resume to continue it, or use another folder"
            )

    def save(self, state: RunState) -> None:
        """Write a state; remove those of later steps and all but the newest ``max_checkpoints``.

        Raises:
            CheckpointError: if the disk is full, for instance; older states are then kept.
        """
        path = self.path / state_name(state.step)
        write_state(path, state, self.recipe, self.fingerprint)
        states = self.states()
        here = states.index(path)  # later ones were corrupted, or the run would have resumed there
        for old in (*states[: max(0, here + 1 - self.recipe.max_checkpoints)], *states[here + 1 :]):
            old.unlink(missing_ok=True)

    def load(self, moments: Shapes) -> RunState | None:
        """The newest state that is whole, if there is any state.

        Args:
            moments: name and shape of each moment of the optimizer.

        Raises:
            CheckpointError: if there are states, but none is whole.
            TrainingError: if it belongs to another recipe or other files.
        """
        newest, corrupted = self._newest(moments)
        if newest is None:
            if corrupted:
                raise CheckpointError(f"{corrupted[0]}; no state can be read; use another folder")
            return None
        path, (state, recipe, fingerprint) = newest
        for error in corrupted:
            logger.warning("%s; resuming from %s", error, path.name)
        differing = self.recipe.differences(recipe)
        if differing:
            keys = ", ".join(f"recipe.{key}" for key in differing)
            raise TrainingError(f"{path}: its run has another {keys}; use another folder")
        if fingerprint != self.fingerprint:
            raise TrainingError(
                f"{path}: its run has other images, or some have changed; "
                "restore them or use another folder"
            )
        return state

    def newest(self, moments: Shapes) -> Path | None:
        """The file of the newest state that is whole."""
        found = self._newest(moments)[0]
        return found[0] if found else None

    def _newest(
        self, moments: Shapes
    ) -> tuple[tuple[Path, tuple[RunState, Recipe, str]] | None, list[CheckpointError]]:
        """The newest whole state with its path, and the errors of those after it."""
        corrupted: list[CheckpointError] = []
        for path in reversed(self.states()):
            try:
                return (path, read_state(path, moments)), corrupted
            except CheckpointError as error:
                corrupted.append(error)
        return None, corrupted

    def publish(self, name: str, average: Arrays, step: int, provenance: Mapping[str, Any]) -> None:
        """Write weights as a checkpoint."""
        about = {**provenance, "steps": step}
        Checkpoint(self.recipe.spec, average, self.recipe.to_dict(), about).save(self.path / name)

    def published_step(self) -> int:
        """The step of the published weights; 0 if there are none that can be read."""
        try:
            return int(Checkpoint.load(self.path / MODEL).provenance.get("steps", 0))
        except (OSRError, TypeError, ValueError):
            return 0

    def write_picture(self, step: int, pixels: NDArray[np.uint8]) -> None:
        """Write the picture of the validation samples, (H, W, 3); raises ImageError."""
        write(self.path / PICTURES / f"step-{step:08}.png", Picture(pixels))
