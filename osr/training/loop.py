"""The training loop, written once for both backends."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.training.guard import count, first_scale
from osr.training.loading import batches
from osr.training.recipe import Recipe
from osr.training.run_folder import Arrays, RunFolder, RunState
from osr.training.run_log import RunLog
from osr.training.sampling import Samples
from osr.training.stopping import stoppable
from osr.training.validation import Validation
from osr_core.errors import CheckpointError, TrainingError
from osr_core.files import atomic_write
from osr_core.training.trainer import Trainer

AVERAGE_EVERY = 10
"""Steps between two updates of the moving average."""

AGREE_EVERY = 10
"""Steps between two times at which several processes ask each other whether to stop."""


@dataclass(frozen=True)
class Summary:
    """What came of a call of :func:`train`."""

    finished: bool
    """Whether the recipe's last step was done; else the run was stopped and can be resumed."""
    step: int
    loss: float
    """Mean of the last steps."""
    psnr: float
    """Of the averaged weights, dB, on the evaluation's samples; NaN if there was none."""
    best: float
    best_step: int
    skipped: int
    """Steps of this call whose loss or gradient was not finite."""
    seconds: float


def train(
    trainer: Trainer,
    samples: Samples,
    folder: Path,
    *,
    provenance: Mapping[str, Any],
    workers: int = 1,
    resume: bool = True,
) -> Summary:
    """Train to the recipe's last step, and keep in ``folder`` what :mod:`~.run_folder` lists.

    Ctrl-C and SIGTERM end the run after the step under way, with everything saved.

    Args:
        trainer: of either backend; every process of its world calls this function.
        samples: all of them; what the recipe holds out is taken from them here.
        folder: of the run; made if it is not there.
        provenance: what a reader of the weights should know besides the recipe.
        workers: loader processes per training process; 0 loads between the steps.
        resume: whether to go on from the folder's newest state; else there must be none.

    Raises:
        TrainingError: if the folder holds a run, or one that cannot be resumed with this recipe
            and these images; if too many steps in a row were not finite.
        CheckpointError: if the last state cannot be written.
        ImageError: if too many images in a row cannot be read.
    """
    recipe, started = samples.recipe, time.monotonic()
    training, looking = samples.split()
    run = _open(folder, recipe, samples.fingerprint(), resume)
    state = _start(trainer, run, recipe)
    leads = trainer.world.is_main
    validation = Validation(looking) if leads and recipe.validation.samples else None
    log = RunLog(folder, recipe, state.step, speaks=leads)
    losses: list[float] = []
    in_a_row = 0
    with stoppable() as stop:
        for inputs, targets in log.timed(batches(training, state.step, workers, trainer.world)):
            loss = trainer.step(inputs, targets, recipe.lr(state.step), state.scale)
            state.step += 1
            in_a_row = count(state, loss, in_a_row, recipe)
            log.step(state.step, loss, state.scale)
            losses = [*losses[-99:], loss]
            stopped = _agree(trainer, stop, state.step)
            last = stopped or state.step == recipe.steps
            if leads and state.step % AVERAGE_EVERY == 0:
                _average(state, trainer.network.state(), recipe.ema_decay)
            if validation and (last or state.step % recipe.validation.every == 0):
                _look(trainer, validation, state, run, log, provenance)
            if leads and (last or state.step % recipe.checkpoint_every == 0):
                _save(trainer, state, run, log, provenance, last)
            if last:
                break
    log.close()
    return Summary(
        finished=state.step >= recipe.steps,
        step=state.step,
        loss=float(np.nanmean(losses)) if np.isfinite(losses).any() else math.nan,
        psnr=log.psnr,
        best=state.best,
        best_step=state.best_step,
        skipped=log.skipped,
        seconds=time.monotonic() - started,
    )


def _open(folder: Path, recipe: Recipe, fingerprint: str, resume: bool) -> RunFolder:
    run = RunFolder(folder, recipe, fingerprint)
    if run.states() and not resume:
        raise TrainingError(f"{folder}: holds a run; add --resume to go on, or take another folder")
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be made: {error.strerror}") from None
    return run


def _start(trainer: Trainer, run: RunFolder, recipe: Recipe) -> RunState:
    state = run.load()
    if state is None:
        weights = trainer.network.state()
        return RunState(weights, dict(weights), scale=first_scale(recipe))
    trainer.network.load_state(state.weight)
    trainer.load_state(state.optimizer, state.updates)
    return state


def _agree(trainer: Trainer, stop: threading.Event, step: int) -> bool:
    """Whether to stop; processes must do so after the same step, or they wait for each other."""
    if trainer.world.size == 1:
        return stop.is_set()
    return step % AGREE_EVERY == 0 and trainer.mean(float(stop.is_set())) > 0


def _average(state: RunState, weights: Arrays, decay: float) -> None:
    # A young average must not remember the random start: the decay grows with the steps.
    step = state.step / AVERAGE_EVERY
    keep = min(decay**AVERAGE_EVERY, (1 + step) / (10 + step))
    for name, value in weights.items():
        state.average[name] = state.average[name] + (1 - keep) * (value - state.average[name])


def _look(
    trainer: Trainer,
    validation: Validation,
    state: RunState,
    run: RunFolder,
    log: RunLog,
    provenance: Mapping[str, Any],
) -> None:
    weights = trainer.network.state()
    if run.recipe.ema_decay:
        trainer.network.load_state(state.average)
    psnr, picture = validation.look(trainer.network)
    trainer.network.load_state(weights)
    log.looked(state.step, psnr, validation.untouched, picture)
    try:
        with atomic_write(run.path / "pictures" / f"step-{state.step:08}.png") as temporary:
            temporary.write_bytes(picture)
        if psnr > state.best:
            state.best, state.best_step = psnr, state.step
            state.weight = weights
            run.publish("best.safetensors", state, {**provenance, "psnr": psnr})
    except (CheckpointError, OSError) as error:
        log.say(f"osr: {error}; the run goes on")


def _save(
    trainer: Trainer,
    state: RunState,
    run: RunFolder,
    log: RunLog,
    provenance: Mapping[str, Any],
    last: bool,
) -> None:
    state.weight, state.optimizer = trainer.network.state(), trainer.state()
    try:
        run.save(state)
        run.publish("model.safetensors", state, provenance)
    except CheckpointError as error:
        if last:
            raise
        log.say(f"osr: {error}; the run goes on and tries again")
