"""The log of a run: progress bar, ``metrics.jsonl``, and TensorBoard where it is installed.

What cannot be written is said, and does not end the run.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from osr.training.recipe import Recipe
from osr.training.tensorboard import TensorBoard, is_installed
from osr_core.files import atomic_write

logger = logging.getLogger(__name__)

T = TypeVar("T")


class RunLog:
    """Counts and times the steps; writes only if enabled, as in the process of rank 0.

    Args:
        folder: of the run.
        recipe: of the run.
        step: of the state that the run resumes from; lines of later steps are removed.
        enabled: whether to write.
    """

    def __init__(self, folder: Path, recipe: Recipe, step: int, *, enabled: bool = True) -> None:
        self.recipe = recipe
        self.enabled = enabled
        self.loss = self.psnr = math.nan
        self.skipped = 0
        self._path = folder / "metrics.jsonl"
        self._board: TensorBoard | None = None
        if enabled:
            self._try(self._path, lambda: _forget(self._path, step))
        if enabled and is_installed():
            board = folder / "tensorboard"
            self._try(board, lambda: setattr(self, "_board", TensorBoard(board, step)))
        self._bar = tqdm(
            desc=folder.name, total=recipe.steps, initial=step, unit="step", mininterval=1,
            disable=not enabled or not logger.isEnabledFor(logging.WARNING),
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
        self._on_board(lambda board: board.image(step, "samples", pixels))

    def close(self) -> None:
        """End of the run."""
        self._bar.close()
        self._on_board(TensorBoard.close)

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
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._try(self._path, lambda: _append(self._path, {"step": step, **plain}))
        self._on_board(lambda board: board.scalars(step, finite))

    def _on_board(self, write: Callable[[TensorBoard], object]) -> None:
        """Write to TensorBoard; after an error there is none any more."""
        board = self._board
        if board and not self._try(self._path.parent / "tensorboard", lambda: write(board)):
            self._board = None

    def _try(self, path: Path, write: Callable[[], object]) -> bool:
        """Whether something could be written; if not, the reason is logged."""
        try:
            write()
        except OSError as error:
            logger.warning("%s: cannot be written: %s; training continues", path, error.strerror)
            return False
        return True


def _append(path: Path, line: dict[str, float | None]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _forget(path: Path, step: int) -> None:
    """Remove the lines of later steps, which a killed run wrote, and incomplete ones."""
    if not path.exists():
        return
    lines = path.read_text("utf-8", "replace").splitlines()
    kept = [line for line in lines if _step(line) <= step]
    if kept != lines:
        with atomic_write(path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), "utf-8")


def _step(line: str) -> float:
    """The step of a line; infinite if it is incomplete."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError):
        return math.inf
