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

from tqdm import tqdm

from osr.training.recipe import Recipe

T = TypeVar("T")


class RunLog:
    """Counts and times the steps; writes only if enabled, as in the process of rank 0."""

    def __init__(self, folder: Path, recipe: Recipe, step: int, *, enabled: bool = True) -> None:
        self.recipe = recipe
        self.enabled = enabled
        self.psnr = math.nan
        self.skipped = 0
        self._path = folder / "metrics.jsonl"
        board = enabled and find_spec("tensorboard")
        self._board = _Board(folder / "tensorboard") if board else None
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

    def step(self, step: int, loss: float, scale: float) -> None:
        """A step was done; its loss is not finite if it was skipped."""
        self._bar.update()
        self._steps += 1
        if math.isfinite(loss):
            self._losses.append(loss)
        else:
            self.skipped += 1
        if self.enabled and (step % self.recipe.log_every == 0 or step == self.recipe.steps):
            self._write_interval(step, scale)
            self._restart()

    def validation(self, step: int, psnr: float, input_psnr: float, picture: bytes) -> None:
        """PSNR in dB of restored and of degraded samples; ``picture`` is a PNG of them."""
        self.psnr = psnr
        self._write(step=step, psnr=psnr, input_psnr=input_psnr)
        if self._board:
            self._board.number("psnr", psnr, step)
            self._board.picture("samples", picture, step)

    def message(self, message: str) -> None:
        """A line above the progress bar."""
        if self.enabled:
            self._bar.write(message)

    def close(self) -> None:
        """End of the run."""
        self._bar.close()
        if self._board:
            self._board.close()

    def _write_interval(self, step: int, scale: float) -> None:
        elapsed = max(time.perf_counter() - self._started, 1e-9)
        loss = sum(self._losses) / len(self._losses) if self._losses else math.nan
        rate = self._steps * self.recipe.batch_size / elapsed
        numbers = {
            "loss": loss,
            "learning_rate": self.recipe.lr(step - 1),
            "images_per_second": rate,
            "waiting": self._waited / elapsed,
            "skipped": self.skipped,
        }
        if self.recipe.precision == "float16":
            numbers["loss_scale"] = scale
        self._write(step=step, **numbers)
        shown = {"loss": f"{loss:.4f}", "PSNR": f"{self.psnr:.2f}", "images/s": f"{rate:.0f}"}
        if math.isnan(self.psnr):
            del shown["PSNR"]
        self._bar.set_postfix(shown, refresh=False)
        if self._board:
            for name, value in numbers.items():
                self._board.number(name, value, step)

    def _restart(self) -> None:
        self._started = time.perf_counter()
        self._waited = 0.0
        self._steps = 0
        self._losses: list[float] = []

    def _write(self, **values: float) -> None:
        plain = {k: v if math.isfinite(v) else None for k, v in values.items()}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(plain) + "\n")
        except OSError as error:
            self.message(f"osr: {self._path}: cannot be written: {error.strerror}")


class _Board:
    """Events that TensorBoard reads; its package writes them, without a framework."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._writer = EventFileWriter(str(folder))

    def number(self, name: str, value: float, step: int) -> None:
        self._add(self._summary.Value(tag=name, simple_value=value), step)

    def picture(self, name: str, png: bytes, step: int) -> None:
        image = self._summary.Image(encoded_image_string=png)
        self._add(self._summary.Value(tag=name, image=image), step)

    def close(self) -> None:
        self._writer.close()

    def _add(self, value: Any, step: int) -> None:
        summary = self._summary(value=[value])
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))
