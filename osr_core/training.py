"""The training loop, written once for both backends."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tqdm import tqdm

from osr_core.backend import Network
from osr_core.checkpoint import Checkpoint, read_tensors
from osr_core.errors import CheckpointError
from osr_core.files import replacing
from osr_core.recipe import Recipe
from osr_core.sampling import Samples, batches

SAVE_EVERY = 500
"""Steps between two states on disk."""

AVERAGE_EVERY = 10
"""Steps between two updates of the moving average."""

State = dict[str, NDArray[np.float32]]


class Trainer(Protocol):
    """A backend's optimiser around one network."""

    @property
    def network(self) -> Network:
        """What is trained."""

    def gradients(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32]
    ) -> tuple[float, State]:
        """Loss of a batch, and its gradient by each trainable weight."""

    def step(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], rate: float
    ) -> float:
        """One optimiser step; returns the loss before it, NaN for a step that was skipped."""

    def state(self) -> State:
        """The optimiser's moments by name."""

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]], step: int) -> None:
        """Take up the moments after ``step`` steps."""


@dataclass
class Progress:
    """Where a run stands."""

    step: int
    average: State
    """Moving average of the weights: what is published."""


def train(
    trainer: Trainer,
    samples: Samples,
    folder: Path,
    *,
    provenance: Mapping[str, Any],
    workers: int = 1,
) -> Checkpoint:
    """Train to the recipe's last step, from where the folder's state stands.

    Writes ``state.safetensors`` (to resume from), ``metrics.jsonl`` and ``model.safetensors``
    (the averaged weights) into the folder, each atomically or line by line.

    Returns:
        The checkpoint that ``model.safetensors`` holds.
    """
    recipe = samples.recipe
    folder.mkdir(parents=True, exist_ok=True)
    progress = _resume(trainer, recipe, folder / "state.safetensors")
    started, first = time.monotonic(), progress.step
    losses: list[float] = []
    bar = tqdm(total=recipe.steps, initial=progress.step, unit="step", mininterval=5)
    for inputs, targets in batches(samples, progress.step, workers):
        losses.append(trainer.step(inputs, targets, recipe.rate(progress.step)))
        progress.step += 1
        bar.update()
        if progress.step % AVERAGE_EVERY == 0:
            _average(progress, trainer.network.state(), recipe.ema)
        if progress.step % SAVE_EVERY == 0 or progress.step == recipe.steps:
            loss = float(np.nanmean(losses)) if losses else float("nan")
            rate = (progress.step - first) / (time.monotonic() - started)
            _log(folder / "metrics.jsonl", step=progress.step, loss=loss, steps_per_second=rate)
            bar.set_postfix(loss=f"{loss:.4f}")
            losses.clear()
            _save(trainer, progress, recipe, folder / "state.safetensors")
            checkpoint = Checkpoint(
                recipe.spec,
                progress.average if recipe.ema else trainer.network.state(),
                recipe.to_dict(),
                {**provenance, "steps": progress.step},
            )
            checkpoint.save(folder / "model.safetensors")
    bar.close()
    return Checkpoint.load(folder / "model.safetensors")


def _average(progress: Progress, weights: State, decay: float) -> None:
    # A young average must not remember the random start: the decay grows with the steps.
    step = progress.step / AVERAGE_EVERY
    keep = min(decay**AVERAGE_EVERY, (1 + step) / (10 + step))
    for name, value in weights.items():
        progress.average[name] += (1 - keep) * (value - progress.average[name])


def _save(trainer: Trainer, progress: Progress, recipe: Recipe, path: Path) -> None:
    groups = {
        "weight": trainer.network.state(),
        "average": progress.average,
        "optimizer": trainer.state(),
    }
    tensors = {f"{g}.{n}": v for g, values in groups.items() for n, v in values.items()}
    metadata = {"step": str(progress.step), "recipe": json.dumps(recipe.to_dict())}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def _resume(trainer: Trainer, recipe: Recipe, path: Path) -> Progress:
    if not path.exists():
        return Progress(0, trainer.network.state())
    tensors, metadata = read_tensors(path)
    if json.loads(metadata["recipe"]) != json.loads(json.dumps(recipe.to_dict())):
        raise CheckpointError(f"{path}: belongs to another recipe; take another folder")
    groups: dict[str, State] = {"weight": {}, "average": {}, "optimizer": {}}
    for name, value in tensors.items():
        group, rest = name.split(".", 1)
        groups[group][rest] = value
    step = int(metadata["step"])
    trainer.network.load_state(groups["weight"])
    trainer.load_state(groups["optimizer"], step)
    return Progress(step, groups["average"])


def _log(path: Path, **values: float) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")
