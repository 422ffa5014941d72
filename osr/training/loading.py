"""Batches prepared by loader processes while the device computes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process

import cv2

from osr.training.sampling import Batch, Samples
from osr_core.backend import SINGLE, World

AHEAD = 4
"""Batches that each loader process may be ahead."""


def batches(
    samples: Samples, start: int, workers: int = 1, world: World = SINGLE
) -> Generator[Batch, None, None]:
    """A process's batches from step ``start`` to the recipe's last, in order.

    With ``workers = 0`` they are made in this process, on demand.
    """
    steps = range(start, samples.recipe.steps)
    if workers == 0:
        for step in steps:
            yield samples.batch(step, world)
        return
    # Spawned, not forked: a forked child of a process that computes may hang.
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(samples, world)
    )
    ahead: deque[Future[Batch]] = deque()
    try:
        for step in steps:
            ahead.append(pool.submit(_work, step))
            if len(ahead) > AHEAD * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_samples: Samples | None = None  # of a loader process
_world = SINGLE


def _start(samples: Samples, world: World) -> None:
    global _samples, _world
    _samples, _world = samples, world
    logging.basicConfig(format="osr: %(message)s")
    cv2.setNumThreads(1)
    # Ctrl-C reaches the whole group; the parent ends its loaders when it has saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # The loaders of a killed parent would wait for work forever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(step: int) -> Batch:
    assert _samples is not None
    return _samples.batch(step, _world)
