"""Training samples: batch *k* of a recipe is a pure function of (seed, k).

So any number of loader processes yields the same batches, a resumed run sees what an unbroken one
would have seen, and both backends see the same bits.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context, parent_process
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from osr_core.degradations import KINDS, damage, mixture
from osr_core.errors import ImageError, OptionError
from osr_core.images import read, to_rgb8
from osr_core.recipe import Recipe

MARGIN = 12
"""Pixels cut off around a damaged crop, so that no border shows in it."""

LARGEST_SIDE = 1024
"""Larger photographs are scaled down: full-size ones are soft at the scale of a pixel."""

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Damaged and clear crops, ``(N, 3, crop, crop)`` each."""


@dataclass(frozen=True)
class Samples:
    """Photographs and a recipe → batches.

    Images are read on first use and kept, so an instance travels to a loader process as names.
    """

    recipe: Recipe
    photographs: tuple[Path, ...]
    """Clear photographs, to which synthetic damage is done."""
    pairs: tuple[tuple[Path, Path], ...] = ()
    """Damaged photographs and their clear twins."""

    def __post_init__(self) -> None:
        known = {"clean", "pairs", "mixture", *KINDS}
        for kind, share in self.recipe.shares.items():
            if kind not in known:
                raise OptionError(f"recipe.shares.{kind}: expected one of {', '.join(known)}")
            if share > 0 and not (self.pairs if kind == "pairs" else self.photographs):
                raise OptionError(f"recipe.shares.{kind}: no photographs were given for it")

    def batch(self, step: int) -> Batch:
        """The batch of a step counted from 0; damaged values may leave [0, 1]."""
        samples = [self.sample(step, index) for index in range(self.recipe.batch)]
        inputs, targets = (np.stack(part) for part in zip(*samples, strict=True))
        return inputs, targets

    def sample(self, step: int, index: int) -> Batch:
        """One damaged and one clear crop, ``(3, crop, crop)`` each."""
        rng = np.random.default_rng([self.recipe.seed, step, index])
        kinds = list(self.recipe.shares)
        shares = np.array([self.recipe.shares[kind] for kind in kinds], np.float64)
        kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
        if kind == "pairs":
            damaged, clear = self._pair(rng)
        else:
            damaged, clear = self._synthetic(kind, rng)
        size = slice(MARGIN, MARGIN + self.recipe.crop)
        return _to_planes(damaged[size, size]), _to_planes(clear[size, size])

    def _pair(self, rng: np.random.Generator) -> Batch:
        both = np.concatenate([_image(p) for p in self.pairs[rng.integers(len(self.pairs))]], 2)
        both = _crop(both, self.recipe.crop + 2 * MARGIN, rng)
        # Real damage has an up and a down: mirrored, but not turned.
        both = both[:, ::-1] if rng.random() < 0.5 else both
        return both[..., :3], both[..., 3:]

    def _synthetic(self, kind: str, rng: np.random.Generator) -> Batch:
        photograph = _image(self.photographs[rng.integers(len(self.photographs))])
        clear = _turn(_crop(photograph, self.recipe.crop + 2 * MARGIN, rng), rng)
        if kind == "clean":
            return clear, clear
        if kind == "mixture":
            known = [k for k, share in self.recipe.shares.items() if k in KINDS and share > 0]
            count = int(rng.integers(2, 4))
            chosen = rng.choice(known, min(count, len(known)), replace=False)
            return mixture(clear, [str(k) for k in chosen], rng), clear
        return damage(clear, kind, rng), clear


def batches(samples: Samples, start: int, workers: int = 1) -> Iterator[Batch]:
    """Batches from step ``start`` to the recipe's last, made ahead in loader processes.

    ``workers = 0`` makes them here, when they are asked for.
    """
    steps = range(start, samples.recipe.steps)
    if workers == 0:
        yield from map(samples.batch, steps)
        return
    # Spawned, not forked: a forked child of a process that computes may hang.
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(samples,)
    )
    ahead: deque[Future[Batch]] = deque()
    try:
        for step in steps:
            ahead.append(pool.submit(_work, step))
            if len(ahead) > 4 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_samples: Samples | None = None  # of a loader process


def _start_worker(samples: Samples) -> None:
    global _samples
    _samples = samples
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed parent tells its loaders nothing: they would wait for work for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(step: int) -> Batch:
    assert _samples is not None
    return _samples.batch(step)


def find_pairs(damaged: Sequence[Path], clear: Sequence[Path]) -> tuple[tuple[Path, Path], ...]:
    """Files of equal stem, paired.

    Raises:
        ImageError: if one has no partner.
    """
    partners = {path.stem: path for path in clear}
    for path in damaged:
        if path.stem not in partners:
            raise ImageError(f"{path}: no clear image of that name")
    return tuple((path, partners[path.stem]) for path in damaged)


@cache
def _image(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, at most the largest side."""
    pixels = to_rgb8(read(path).pixels)
    factor = LARGEST_SIDE / max(pixels.shape[:2])
    if factor < 1:
        size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels)


def _crop(image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    height, width = image.shape[:2]
    if min(height, width) < side:
        grow = [(0, max(0, side - height)), (0, max(0, side - width)), (0, 0)]
        image = np.pad(image, grow, mode="symmetric")
        height, width = image.shape[:2]
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return image[top : top + side, left : left + side].astype(np.float32) / 255


def _turn(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    image = image[:, ::-1] if rng.random() < 0.5 else image
    return np.ascontiguousarray(np.rot90(image, int(rng.integers(4))))


def _to_planes(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
