"""Runs every model on every image of every column, and writes a row for each.

Three things happen at once: a thread reads and degrades the next image, the calling thread computes
in the networks, and threads behind it run the baselines and score. NumPy and OpenCV release the
interpreter's lock, so that a network on its own device or core rarely waits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.columns import Column
from osr.evaluation.metrics import Protocol, psnr_and_ssim
from osr.evaluation.models import Model
from osr.evaluation.records import Row, open_rows, read_rows
from osr.threads import in_order
from osr_core.errors import ImageError

WORKERS = min(4, max(2, os.cpu_count() or 2))
"""Threads that run baselines and score."""



class Job(NamedTuple):
    """An image of a column, and the models that have no row for it yet."""

    column: Column
    position: int
    models: tuple[Model, ...]

    @property
    def image(self) -> str:
        """Name of the image."""
        return self.column.items[self.position].name


@dataclass(frozen=True, eq=False)
class _Sample:
    """The images of a job, and PSNR and SSIM of its input."""

    job: Job
    degraded: NDArray[np.float32]
    truth: NDArray[np.uint8]
    scores: tuple[float, float]


_Restored = tuple[NDArray[np.float32], float]  # an image, and the seconds that it took


def plan(models: Sequence[Model], columns: Sequence[Column], folder: Path) -> list[Job]:
    """All that has no row in the folder's results yet."""
    done = {row.key for row in read_rows(folder)}
    jobs = []
    for column in columns:
        fitting = [model for model in models if model.fits(column)]
        for index, item in enumerate(column.items):
            left = [m for m in fitting if (m.name, column.name, item.name) not in done]
            if left:
                jobs.append(Job(column, index, tuple(left)))
    return jobs


def run(
    jobs: Sequence[Job],
    folder: Path,
    seed: int = 0,
    on_row: Callable[[Row], object] = lambda row: None,
) -> list[tuple[str, str]]:
    """Do the jobs; rows are written in their order.

    Returns column and a line for each image that cannot be read, degraded or scored; the others
    are evaluated. At an :class:`ImageError`, if a model fails on an image, the rows that were done
    by then are kept.
    """
    skipped: list[tuple[str, str]] = []

    def load(job: Job) -> _Sample | tuple[str, str]:
        try:
            degraded, truth = job.column.load(job.position, seed)
            protocol = Protocol.parse(job.column.protocol)
            return _Sample(job, degraded, truth, psnr_and_ssim(degraded, truth, protocol))
        except ImageError as error:
            text, file = str(error), str(job.column.items[job.position].truth)
            return job.column.name, text if file in text else f"{file}: {text}"

    def results() -> Iterator[tuple[_Sample, Model, _Restored | None]]:
        for sample in in_order(load, jobs, loader, ahead=1):
            if isinstance(sample, tuple):
                skipped.append(sample)
                continue
            for model in sample.job.models:
                # Classical methods run in the threads that score.
                now = model.kind in ("network", "zero-shot")
                yield sample, model, _restore(sample, model) if now else None

    with (
        open_rows(folder) as write,
        ThreadPoolExecutor(1) as loader,
        ThreadPoolExecutor(WORKERS) as scorers,
    ):
        for row in in_order(lambda each: _score(*each), results(), scorers, WORKERS + 1):
            write(row)
            on_row(row)
    return skipped


def _restore(sample: _Sample, model: Model) -> _Restored:
    started = time.perf_counter()
    with _named(sample, model):
        image = model.run(sample.degraded) if model.run is not None else sample.degraded
    return image, time.perf_counter() - started


def _score(sample: _Sample, model: Model, restored: _Restored | None) -> Row:
    job, truth, before = sample.job, sample.truth, sample.scores
    image, seconds = restored or _restore(sample, model)
    with _named(sample, model):
        protocol = Protocol.parse(job.column.protocol)
        after = before if model.run is None else psnr_and_ssim(image, truth, protocol)
    return Row(
        model.name, job.column.name, job.image, before[0], after[0], before[1], after[1],
        truth.shape[1], truth.shape[0], seconds,
    )  # fmt: skip


@contextmanager
def _named(sample: _Sample, model: Model) -> Iterator[None]:
    """Errors say which model fails on which image."""
    try:
        yield
    except ImageError as error:
        where = f"{model.name} on {sample.job.column.name}, {sample.job.image}"
        raise ImageError(f"{where}: {error}") from None
