"""The training loop, written once for both backends."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from osr.training.loading import batches
from osr.training.run_folder import MODEL, RunFolder
from osr.training.run_log import RunLog
from osr.training.run_state import EMA_EVERY, RunState
from osr.training.sampling import Batch, Samples
from osr.training.state_files import Shapes
from osr.training.validation import Validator
from osr_core.errors import CheckpointError, OSRError, TrainingError
from osr_core.training.trainer import Arrays, Trainer

logger = logging.getLogger(__name__)

AGREE_EVERY = 10
"""Steps between two times at which several processes ask each other whether to stop."""

CHECKED = 8
"""Samples of a batch that a state has to restore before it is saved."""

DIVERGED = 4.0
"""RMS error of restored images, from 0 to 1, that no training has unless it diverged; networks with
random weights have up to 0.85."""


@dataclass(frozen=True)
class Summary:
    """The result of a training."""

    finished: bool
    """Whether the recipe's last step was done; else the run was stopped and can be resumed."""
    step: int
    """Steps done, of ``steps``."""
    steps: int
    loss: float
    """Mean since the last line of the log; NaN if there was no finite one, or no step."""
    psnr: float
    """Of the EMA on the validation samples, dB; NaN if there was no validation."""
    best: float
    best_step: int
    """0 if there was no validation."""
    skipped: int
    """Steps of this call whose loss or gradient was not finite."""
    seconds: float
    model: Path
    """The published weights."""
    is_main: bool = True
    """False in all processes but one of a distributed training."""
    stopped_by: int = 0
    """The signal that ended the run, in the process that received it."""


class TrainingLoop:
    """The training of one stage, in each process that takes part.

    The validation split is taken from ``samples``; ``provenance`` is metadata of the published
    weights besides the recipe. With ``resume`` the run continues from the newest whole state in its
    ``folder``, which :func:`~.run_folder.locked` has created. Raises :class:`TrainingError` if
    there is one without ``resume`` or of another recipe or other images, :class:`CheckpointError`
    if there are states, but none is whole.
    """

    def __init__(
        self,
        trainer: Trainer,
        samples: Samples,
        folder: Path,
        provenance: Mapping[str, Any],
        *,
        resume: bool,
    ) -> None:
        self.trainer = trainer
        self.recipe = samples.recipe
        self.provenance = provenance
        self.samples, validation = samples.split()
        self.folder = RunFolder(folder, self.recipe, samples.fingerprint())
        if not resume:
            self.folder.check_empty()
        self.state = self._initial_state()
        self.batch: Batch | None = None  # the last one with a finite loss
        self.is_main = trainer.world.is_main
        validated = self.is_main and self.recipe.validation.samples > 0
        self.validator = Validator(validation) if validated else None
        self.log = RunLog(folder, self.recipe, self.state.step, enabled=self.is_main)

    def run(self, workers: int = 1) -> Summary:
        """Train to the recipe's last step; without loader processes, load between the steps.

        Ctrl-C and SIGTERM end the run after the current step, with everything saved. Raises
        :class:`TrainingError` if the training diverges, :class:`CheckpointError` if the last state
        cannot be written, and :class:`ImageError` if too many images in a row cannot be read.
        """
        started, state, recipe, log = time.monotonic(), self.state, self.recipe, self.log
        made = batches(self.samples, state.step, workers, self.trainer.world)
        with closing(log), stoppable() as stop:
            if state.step == recipe.steps and self.is_main:
                self._publish_finished()
            for inputs, targets in log.timed(made):
                lr, scale = recipe.lr(state.step), state.loss_scale
                loss = self.trainer.step(inputs, targets, lr, scale)
                state.count(loss, recipe)
                last = self._agree(stop) or state.step == recipe.steps
                log.step(state.step, loss, state.loss_scale, last)
                if math.isfinite(loss):
                    self.batch = inputs[:CHECKED], targets[:CHECKED]
                if state.consecutive_skips >= recipe.max_skipped_steps:
                    raise self._diverged(f"no finite loss for {recipe.max_skipped_steps} steps")
                if self.is_main:
                    self._after_step(last)
                if last:
                    break
        return Summary(
            finished=state.step >= recipe.steps,
            step=state.step,
            steps=recipe.steps,
            loss=log.loss,
            psnr=log.psnr,
            best=state.best,
            best_step=state.best_step,
            skipped=log.skipped,
            seconds=time.monotonic() - started,
            model=self.folder.path / MODEL,
            is_main=self.is_main,
            stopped_by=stop.signal,
        )

    def _initial_state(self) -> RunState:
        state = self.folder.load(self._moments())
        if state is None:
            return RunState.initial(self.trainer.network.state(), self.recipe)
        self.trainer.network.load_state(state.weight)
        self.trainer.load_state(state.optimizer, state.updates)
        return state

    def _moments(self) -> Shapes:
        return {name: moment.shape for name, moment in self.trainer.state().items()}

    def _agree(self, stop: Stop) -> bool:
        """Whether to stop; processes must do so after the same step, or they would deadlock."""
        if self.trainer.world.size == 1:
            return stop.is_set()
        return self.state.step % AGREE_EVERY == 0 and self.trainer.mean(float(stop.is_set())) > 0

    def _after_step(self, last: bool) -> None:
        """Whatever of EMA, validation and saving is due."""
        state, recipe = self.state, self.recipe
        validate = self.validator and (last or state.step % recipe.validation.every == 0)
        save = last or state.step % recipe.checkpoint_every == 0
        update = state.step % EMA_EVERY == 0
        if not (validate or save or update):
            return
        weights = self.trainer.network.state()
        average = state.ema(weights, recipe.ema_decay)
        if not all(np.isfinite(array).all() for array in average.values()):
            raise self._diverged("weights that are not finite")
        if validate or save:
            self._check()
            try:
                self.trainer.network.load_state(average)
                self._check()
                if validate:
                    self._validate(average)
            finally:
                self.trainer.network.load_state(weights)
        if update:
            state.average = average
        if save:
            state.weight, state.optimizer = weights, self.trainer.state()
            self._save(average, last)

    def _check(self) -> None:
        """Raise an error if the network's results have little to do with images."""
        if self.batch is None:
            return
        inputs, targets = self.batch
        errors = self.trainer.network.predict(inputs).astype(np.float64) - targets
        rms = float(np.sqrt(np.mean(errors**2)))
        if not rms < DIVERGED:  # a NaN is not, either
            raise self._diverged(f"RMS error of restored training samples {rms:.3g}")

    def _diverged(self, why: str) -> TrainingError:
        state = self.folder.newest(self._moments())
        kept = f"the last good state is {state}" if state else "no good state was saved"
        hint = "restart with a lower recipe.optimizer.lr"
        return TrainingError(f"step {self.state.step}: training diverged: {why}; {kept}; {hint}")

    def _validate(self, average: Arrays) -> None:
        assert self.validator is not None
        state, log = self.state, self.log
        psnr, pixels = self.validator.evaluate(self.trainer.network)
        log.validation(state.step, psnr, self.validator.input_psnr, pixels)
        try:
            self.folder.write_picture(state.step, pixels)
            if psnr > state.best:
                state.best, state.best_step = psnr, state.step
                provenance = {**self.provenance, "psnr": psnr}
                self.folder.publish("best.safetensors", average, state.step, provenance)
        except OSRError as error:
            logger.warning("%s; training continues", error)

    def _save(self, average: Arrays, last: bool) -> None:
        try:
            self.folder.save(self.state)
            self.folder.publish(MODEL, average, self.state.step, self.provenance)
        except CheckpointError as error:
            if last:
                raise
            logger.warning("%s; training continues and tries again", error)

    def _publish_finished(self) -> None:
        """Publish the weights of the last state, if the run was killed before it did so."""
        state = self.state
        if self.folder.published_step() != state.step:
            updated = state.step % EMA_EVERY == 0
            average = state.average if updated else state.ema(state.weight, self.recipe.ema_decay)
            self.folder.publish(MODEL, average, state.step, self.provenance)


class Stop(threading.Event):
    """Set when the run is to end."""

    signal = 0
    """The signal that set it."""


@contextmanager
def stoppable() -> Iterator[Stop]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one interrupts at once."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            if callable(before[number]):
                before[number](number, frame)
            raise KeyboardInterrupt
        stop.signal = number
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, handle)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
