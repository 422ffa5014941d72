"""Runs every model on every image of every column, and writes a row for each.

Three things happen at once: a thread reads and degrades images ahead, the calling thread computes
in the networks, and threads behind it run the baselines and score. NumPy and OpenCV release the
interpreter's lock, so that a network on its own device or core rarely waits. What waits in front of
a thread is bounded in bytes.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.columns import Column
from osr.evaluation.metrics import Protocol, psnr_and_ssim
from osr.evaluation.models import Model
from osr.evaluation.records import Row, RowWriter, read_rows
from osr_core.errors import ImageError

WAITING_BYTES = 256 << 20
"""Of images read ahead, and again of restored ones that wait to be scored."""

BYTES_PER_PIXEL = 32
"""Of an image on its way: degraded and restored in float32, truth and its levels in uint8."""

WORKERS = min(4, max(2, os.cpu_count() or 2))
"""Threads that run baselines and score."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Job:
    """An image, and the models that have no row for it yet."""

    column: Column
    index: int
    models: tuple[Model, ...]

    @property
    def image(self) -> str:
        """Name of the image."""
        return self.column.items[self.index].name

    @property
    def bytes(self) -> int:
        """What it takes in memory; the size of an image is known before it is decoded."""
        from PIL import Image

        try:
            with Image.open(self.column.items[self.index].truth) as image:
                return BYTES_PER_PIXEL * image.height * image.width
        except (OSError, Image.DecompressionBombError):
            return BYTES_PER_PIXEL << 20  # reading it says what is wrong


@dataclass(frozen=True, eq=False)
class Sample:
    """A job with its images."""

    job: Job
    degraded: NDArray[np.float32]
    truth: NDArray[np.uint8]
    scores: tuple[float, float]
    """PSNR and SSIM of the input."""


@dataclass(frozen=True, eq=False)
class Result:
    """A sample for a model, and what its network made of it; baselines run when it is scored."""

    sample: Sample
    model: Model
    restored: tuple[NDArray[np.float32], float] | None
    """The image, and the seconds it took."""

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return BYTES_PER_PIXEL * self.sample.truth.shape[0] * self.sample.truth.shape[1]


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
) -> list[str]:
    """Do the jobs; rows are written in their order, each as soon as it and those before are done.

    Returns:
        A line for each image that cannot be read, degraded or scored; the others are evaluated.

    Raises:
        ImageError: if a model fails on an image. Rows that were done by then are kept.
    """
    skipped: list[str] = []

    def load(job: Job) -> Sample | ImageError:
        try:
            degraded, truth = job.column.load(job.index, seed)
            protocol = Protocol.parse(job.column.protocol)
            return Sample(job, degraded, truth, psnr_and_ssim(degraded, truth, protocol))
        except ImageError as error:
            text, name = str(error), str(job.column.items[job.index].truth)
            return ImageError(text if name in text else f"{name}: {text}")

    def results() -> Iterator[Result]:
        for sample in _in_order(load, jobs, lambda job: job.bytes, loader, eager=False):
            if isinstance(sample, ImageError):
                skipped.append(str(sample))
                continue
            for model in sample.job.models:
                now = model.kind == "network"  # others run in the threads that score
                yield Result(sample, model, _restore(model, sample) if now else None)

    with (
        RowWriter(folder) as writer,
        ThreadPoolExecutor(1) as loader,
        ThreadPoolExecutor(WORKERS) as scorers,
    ):
        for row in _in_order(_score, results(), lambda result: result.bytes, scorers, eager=True):
            writer.write(row)
            on_row(row)
    return skipped


def _in_order(
    function: Callable[[_In], _Out],
    items: Iterable[_In],
    size: Callable[[_In], int],
    pool: ThreadPoolExecutor,
    eager: bool,
) -> Iterator[_Out]:
    """Results of a function in the order of its arguments, computed ahead by the threads of a pool.

    Args:
        function: runs in the pool.
        items: its arguments, taken as long as those waiting are within :data:`WAITING_BYTES`.
        size: of an argument in bytes.
        pool: of threads.
        eager: yield a result as soon as it is there, not only when the bound is reached.

    At an :class:`ImageError` of ``items``, what is done by then is still yielded.
    """
    waiting: deque[tuple[int, Future[_Out]]] = deque()
    used = 0
    try:
        for item in items:
            used += (taken := size(item))
            waiting.append((taken, pool.submit(function, item)))
            while waiting and (
                (used > WAITING_BYTES and len(waiting) > 1) or (eager and waiting[0][1].done())
            ):
                used -= waiting[0][0]
                yield waiting.popleft()[1].result()
        while waiting:
            yield waiting.popleft()[1].result()
    except BaseException as error:
        for _, future in waiting:
            future.cancel()
        while isinstance(error, ImageError) and waiting and _succeeded(waiting[0][1]):
            yield waiting.popleft()[1].result()
        raise


def _succeeded(future: Future[_Out]) -> bool:
    return not future.cancelled() and future.exception() is None


@contextmanager
def _named(model: Model, sample: Sample) -> Iterator[None]:
    """Errors say which model fails on which image."""
    try:
        yield
    except ImageError as error:
        where = f"{model.name} on {sample.job.column.name}, {sample.job.image}"
        raise ImageError(f"{where}: {error}") from None


def _restore(model: Model, sample: Sample) -> tuple[NDArray[np.float32], float]:
    """The restored image and the seconds that it took."""
    if model.run is None:
        return sample.degraded, 0.0
    started = time.perf_counter()
    with _named(model, sample):
        return model.run(sample.degraded), time.perf_counter() - started


def _score(result: Result) -> Row:
    sample, model = result.sample, result.model
    column, protocol = sample.job.column, Protocol.parse(sample.job.column.protocol)
    restored, seconds = result.restored or _restore(model, sample)
    scores = sample.scores
    if model.run is not None:
        with _named(model, sample):
            scores = psnr_and_ssim(restored, sample.truth, protocol)
    height, width = sample.truth.shape[:2]
    return Row(
        model.name, column.name, sample.job.image, protocol.channel, protocol.crop,
        sample.scores[0], scores[0], sample.scores[1], scores[1], width, height, seconds,
    )  # fmt: skip
