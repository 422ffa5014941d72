"""The log of a run: progress bar, ``metrics.jsonl``, and TensorBoard where it is installed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from osr.training.recipe import Recipe

T = TypeVar("T")


class RunLog:
    """Counts and times the steps; writes only if enabled, as in the process of rank 0."""

    def __init__(self, folder: Path, recipe: Recipe, step: int, *, enabled: bool = True) -> None:
        self.recipe = recipe
        self.enabled = enabled
        self.loss = self.psnr = math.nan
        self.skipped = 0
        self._path = folder / "metrics.jsonl"
        self._board = _board(folder / "tensorboard") if enabled else None
        self._bar = tqdm(
            desc=folder.name, total=recipe.steps, initial=step, unit="step", mininterval=1,
            disable=not enabled,
        )  # fmt: skip
        self._restart()

    def timed(self, batches: Generator[T, None, None]) -> Iterator[T]:
        """The same batches; the time spent waiting for them is added up."""
        with closing(batches):  # ends the loader processes
            while True:
                started = time.perf_counter()
                batch = next(batches, None)
                if batch is None:
                    return
                self._waited += time.perf_counter() - started
                yield batch

    def step(self, step: int, loss: float, scale: float, last: bool) -> None:
        """A step was done; its loss is not finite if it was skipped."""
        self._bar.update()
        self._steps += 1
        if math.isfinite(loss):
            self._losses.append(loss)
        else:
            self.skipped += 1
        if last or step % self.recipe.log_every == 0:
            self._end_interval(step, scale)
            self._restart()

    def validation(
        self, step: int, psnr: float, input_psnr: float, pixels: NDArray[np.uint8]
    ) -> None:
        """PSNR in dB of restored and of degraded samples, and a picture of them, (H, W, 3)."""
        self.psnr = psnr
        self._write(step, psnr=psnr, input_psnr=input_psnr)
        if self._board:
            self._board.add_image("samples", pixels, step, dataformats="HWC")

    def message(self, message: str) -> None:
        """A line above the progress bar."""
        if self.enabled:
            self._bar.write(message)

    def close(self) -> None:
        """End of the run."""
        self._bar.close()
        if self._board:
            self._board.close()

    def _end_interval(self, step: int, scale: float) -> None:
        elapsed = max(time.perf_counter() - self._started, 1e-9)
        self.loss = sum(self._losses) / len(self._losses) if self._losses else math.nan
        rate = self._steps * self.recipe.batch_size / elapsed
        self._write(
            step,
            loss=self.loss,
            learning_rate=self.recipe.lr(step - 1),
            images_per_second=rate,
            waiting=self._waited / elapsed,
            skipped=self.skipped,
            **({"loss_scale": scale} if self.recipe.precision == "float16" else {}),
        )
        shown = {"loss": f"{self.loss:.4f}", "images/s": f"{rate:.0f}"}
        if math.isfinite(self.psnr):
            shown["PSNR"] = f"{self.psnr:.2f}"
        self._bar.set_postfix(shown, refresh=False)

    def _restart(self) -> None:
        self._started = time.perf_counter()
        self._waited = 0.0
        self._steps = 0
        self._losses: list[float] = []

    def _write(self, step: int, **values: float) -> None:
        """A line of numbers, null if not finite."""
        if not self.enabled:
            return
        plain = {name: value if math.isfinite(value) else None for name, value in values.items()}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **plain}) + "\n")
        except OSError as error:
            self.message(f"osr: {self._path}: cannot be written: {error.strerror}")
        if self._board:
            for name, value in plain.items():
                if value is not None:
                    self._board.add_scalar(name, value, step)


def _board(folder: Path) -> Any:
    """A writer for TensorBoard that needs no framework, if it is installed."""
    if find_spec("tensorboardX") is None:
        return None
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(folder))
