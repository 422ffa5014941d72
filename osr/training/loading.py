"""Batches prepared by loader processes while the device computes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process

import cv2

from osr.training.sampling import Batch, Samples, warn_once
from osr_core.backend import SINGLE, World
from osr_core.errors import TrainingError

AHEAD = 4
"""Batches that each loader process may be ahead."""

MAX_WORKERS = 64
"""Loader processes of a training process."""

RESTARTS = 3
"""Times in a row that killed loader processes are replaced, without a batch between."""

logger = logging.getLogger(__name__)


def batches(
    samples: Samples, start: int, workers: int = 1, world: World = SINGLE
) -> Generator[Batch, None, None]:
    """A process's batches from step ``start`` to the recipe's last, in order.

    With ``workers = 0`` they are made in this process, on demand. Loader processes that are killed
    are replaced, and make the same batches.

    Raises:
        TrainingError: if they are killed again and again.
        ImageError: if too many images in a row cannot be read.
    """
    step, restarts = start, 0
    if workers == 0:
        for step in range(start, samples.recipe.steps):
            yield samples.batch(step, world)
        return
    while step < samples.recipe.steps:
        try:
            for batch in _from_processes(samples, step, workers, world):
                yield batch
                step, restarts = step + 1, 0
        except BrokenProcessPool:
            restarts += 1
            if restarts > RESTARTS:
                raise TrainingError(
                    f"step {step}: loader processes ended {restarts} times; if the memory does "
                    "not suffice, use fewer --workers, a smaller batch_size or --workers 0"
                ) from None
            logger.warning("step %d: a loader process was killed and is replaced", step)


def _from_processes(
    samples: Samples, start: int, workers: int, world: World
) -> Generator[Batch, None, None]:
    # Spawned, not forked: a forked child of a process that computes may hang.
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(samples, world)
    )
    ahead: deque[Future[tuple[Batch, list[str]]]] = deque()

    def next_batch() -> Batch:
        batch, warnings = ahead.popleft().result()
        for warning in warnings:
            warn_once(warning)
        return batch

    try:
        for step in range(start, samples.recipe.steps):
            ahead.append(pool.submit(_work, step))
            if len(ahead) > AHEAD * workers:
                yield next_batch()
        while ahead:
            yield next_batch()
    finally:
        pool.shutdown(cancel_futures=True)


class _Kept(logging.Handler):
    """Keeps messages, which the training process writes: only it knows where its bar is."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


_samples: Samples | None = None  # of a loader process
_world = SINGLE
_kept = _Kept()


def _start(samples: Samples, world: World) -> None:
    global _samples, _world
    _samples, _world = samples, world
    logging.getLogger("osr").addHandler(_kept)
    cv2.setNumThreads(1)
    # Signals reach the whole group; the parent ends its loaders when it has saved.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # The loaders of a killed parent would wait for work forever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(step: int) -> tuple[Batch, list[str]]:
    assert _samples is not None
    batch = _samples.batch(step, _world)
    warnings, _kept.messages = _kept.messages, []
    return batch, warnings
