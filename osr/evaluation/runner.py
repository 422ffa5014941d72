"""Runs every model on every image of every column, and writes a row for each.

Three things happen at once: threads read images ahead and degradation them, the calling thread computes
in the networks, and threads behind it run the baselines and score. NumPy and OpenCV release the
interpreter's lock, so a network on its own device or core rarely waits. How far the others may run
ahead or fall behind is bounded in bytes of pictures, whatever their size.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.candidates import Candidate
from osr.evaluation.columns import Column
from osr.evaluation.records import Row, RowWriter, read_rows
from osr.evaluation.scoring import score
from osr_core.errors import ImageError

WAITING_BYTES = 256 << 20
"""Of pictures read ahead, and again of restored ones that wait to be scored; one may be larger."""

BYTES_PER_PIXEL = 32
"""Of an image on its way: degraded and restored in float32, truth and its levels in uint8."""

WORKERS = min(4, max(2, os.cpu_count() or 2))
"""Threads that run baselines and score."""


@dataclass(frozen=True)
class Job:
    """An image, and the candidates that have no row for it yet."""

    column: Column
    index: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """A job with its pictures."""

    job: Job
    degraded: NDArray[np.float32]
    truth: NDArray[np.uint8]
    scores: tuple[float, float]
    """PSNR and SSIM of the untouched input."""

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.job.column.name}, {self.job.column.items[self.job.index].name}"


def plan(candidates: Sequence[Candidate], columns: Sequence[Column], folder: Path) -> list[Job]:
    """What is left to do: all that has no row in the folder's results yet."""
    done = {row.key for row in read_rows(folder)}
    jobs = []
    for column in columns:
        rows = [candidate for candidate in candidates if candidate.fits(column)]
        for index, item in enumerate(column.items):
            left = [c for c in rows if (c.name, column.name, item.name) not in done]
            if left:
                jobs.append(Job(column, index, tuple(left)))
    return jobs


def run(
    jobs: Sequence[Job],
    folder: Path,
    seed: int = 0,
    on_row: Callable[[Row], object] | None = None,
) -> None:
    """Do the jobs; rows are written in their order, each as soon as it and those before are done.

    Raises:
        ImageError: if an image cannot be read, degraded, restored or scored. Rows that were done by
            then are kept, and the next run goes on from there.
    """
    behind: deque[tuple[int, Future[Row]]] = deque()
    with (
        RowWriter(folder) as writer,
        ThreadPoolExecutor(1) as loader,
        ThreadPoolExecutor(WORKERS) as scorers,
    ):

        def write_first() -> None:
            row = behind.popleft()[1].result()
            writer.write(row)
            if on_row is not None:
                on_row(row)

        def collect(most: int) -> None:
            while behind and (behind[0][1].done() or sum(n for n, _ in behind) > most):
                write_first()

        try:
            for sample in _ahead(jobs, seed, loader):
                for candidate in sample.job.candidates:
                    waiting = _submit(scorers, candidate, sample)
                    behind.append((_bytes(sample.truth.shape[:2]), waiting))
                    collect(WAITING_BYTES)
            collect(-1)
        except BaseException:
            for pool in (loader, scorers):
                pool.shutdown(cancel_futures=True)
            while behind and _succeeded(behind[0][1]):
                write_first()
            raise


def _succeeded(future: Future[Row]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _ahead(jobs: Sequence[Job], seed: int, loader: ThreadPoolExecutor) -> Iterator[Sample]:
    """The samples in order, as many read ahead as the bound allows."""
    ahead: deque[tuple[int, Future[Sample]]] = deque()
    used = 0
    for job in jobs:
        size = _bytes(_shape(job))
        while ahead and used + size > WAITING_BYTES:
            first, future = ahead.popleft()
            used -= first
            yield future.result()
        ahead.append((size, loader.submit(_load, job, seed)))
        used += size
    while ahead:
        yield ahead.popleft()[1].result()


def _shape(job: Job) -> tuple[int, int]:
    """Size of a job's image file, which is known before it is decoded."""
    from PIL import Image

    try:
        with Image.open(job.column.items[job.index].truth) as image:
            return image.height, image.width
    except (OSError, Image.DecompressionBombError):
        return 1024, 1024  # reading it will tell what is wrong, if anything is


def _bytes(shape: tuple[int, ...]) -> int:
    return BYTES_PER_PIXEL * shape[0] * shape[1]


def _load(job: Job, seed: int) -> Sample:
    degraded, truth = job.column.load(job.index, seed)
    try:
        return Sample(job, degraded, truth, score(degraded, truth, job.column.convention))
    except ImageError as error:
        raise ImageError(f"{job.column.items[job.index].truth}: {error}") from None


def _submit(scorers: ThreadPoolExecutor, candidate: Candidate, sample: Sample) -> Future[Row]:
    """Networks compute here and now, baselines where there is time."""
    if candidate.entry.kind == "network":
        return scorers.submit(_row, candidate, sample, *_restore(candidate, sample))
    return scorers.submit(lambda: _row(candidate, sample, *_restore(candidate, sample)))


def _restore(candidate: Candidate, sample: Sample) -> tuple[NDArray[np.float32], float]:
    """The restored image and the seconds that it took."""
    if candidate.run is None:
        return sample.degraded, 0.0
    started = time.perf_counter()
    try:
        restored = candidate.run(sample.degraded)
    except ImageError as error:
        raise ImageError(f"{candidate.name} on {sample.where}: {error}") from None
    return restored, time.perf_counter() - started


def _row(
    candidate: Candidate, sample: Sample, restored: NDArray[np.float32], seconds: float
) -> Row:
    column, convention = sample.job.column, sample.job.column.convention
    scores = sample.scores
    if candidate.run is not None:
        try:
            scores = score(restored, sample.truth, convention)
        except ImageError as error:
            raise ImageError(f"{candidate.name} on {sample.where}: {error}") from None
    return Row(
        candidate.name,
        column.name,
        column.items[sample.job.index].name,
        convention.channel,
        convention.crop,
        sample.scores[0],
        scores[0],
        sample.scores[1],
        scores[1],
        sample.truth.shape[1],
        sample.truth.shape[0],
        seconds,
    )
