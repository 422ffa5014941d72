"""Training samples: batch *k* of a recipe is a pure function of (seed, k).

So any number of loader processes yields the same batches, a resumed run sees what an unbroken one
would have seen, and both backends see the same bits.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.datasets import Item, catalogue, find, items
from osr.degradations import DEGRADATIONS, Chain, check_ranges
from osr.training.augmentation import close_up, fade, mirror, retone, stripes, turn, wall
from osr.training.grids import ALIGNED, degrade_crop, on_grid
from osr.training.keeping import Keeping
from osr.training.recipe import Recipe
from osr_core.backend import SINGLE, World
from osr_core.errors import ImageError, OptionError
from osr_core.settings import suggest

MARGIN = 12
"""Pixels cut off around a degraded crop, so that no border shows in it."""

UNREADABLE = 20
"""Files in a row that may turn out unreadable before a sample is given up."""

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Degraded and clear crops, ``(N, 3, crop, crop)`` each."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Samples:
    """Images and a recipe → batches.

    Images are read when they are needed and kept while memory allows, so that an instance travels
    to a loader process as names.
    """

    recipe: Recipe
    photographs: tuple[Item, ...]
    """Clear photographs, to which synthetic degradation is done."""
    pairs: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    """Name of a set → its degraded photographs, each with its clear twin."""
    stream: int = 0
    """0: training; another number draws other crops and degradation."""

    def __post_init__(self) -> None:
        check_ranges(self.recipe.degradations)
        for kind, weight in self.recipe.sampling_weights.items():
            problem = self._problem(kind, weight)
            if problem is not None:
                raise OptionError(f"recipe.sampling_weights.{kind}: {problem}")

    def _problem(self, kind: str, weight: float) -> str | None:
        """Why samples cannot be of that kind."""
        known = ["clean", "mixture", *DEGRADATIONS, *self.pairs]
        if kind not in known:
            if kind in catalogue():
                return f"recipe.data names no folder for it; add --data {kind}=PATH"
            try:
                Chain.parse(kind)
            except OptionError as error:
                return suggest(kind, known) if kind.isidentifier() else str(error)
        if weight > 0 and kind == "mixture" and not self._mixed:
            return "needs degradations beside it, which it mixes"
        if weight > 0 and not (self.pairs.get(kind) or self.photographs):
            return "recipe.data has no photographs for it"
        return None

    @classmethod
    def of(cls, recipe: Recipe) -> Samples:
        """The training samples of the folders that the recipe names.

        Raises:
            OptionError: if a set is unknown or there is no such folder.
            ImageError: if a folder does not hold what the set consists of.
        """
        clear: list[Item] = []
        pairs: dict[str, tuple[Item, ...]] = {}
        for name, folders in recipe.data.items():
            found = _items(name, folders)
            if find(name).paired:
                pairs[name] = found
            else:
                clear += found
        return cls(recipe, tuple(clear), pairs)

    def split(self) -> tuple[Samples, Samples]:
        """Samples to train on, and samples to see where the run stands; see ``Evaluation``."""
        share = self.recipe.validation.val_fraction
        clear = _hold_out(self.photographs, share)
        pairs = {name: _hold_out(found, share) for name, found in self.pairs.items()}
        training, looking = (
            replace(self, photographs=clear[part], pairs={n: b[part] for n, b in pairs.items()})
            for part in range(2)
        )
        return training, replace(looking, stream=1)

    def fingerprint(self) -> str:
        """Differs between two runs whose files differ in name, number or order."""
        names = [[i.name for i in found] for found in (self.photographs, *self.pairs.values())]
        return hashlib.sha256(repr(names).encode()).hexdigest()[:16]

    def batch(self, step: int, world: World = SINGLE) -> Batch:
        """A process's part of the batch of a step, counted from 0.

        The parts of all processes are the batch of a single one. Degraded values may leave [0, 1].
        """
        part = self.recipe.batch_size // world.size
        indices = range(part * world.rank, part * (world.rank + 1))
        samples = [self.sample(step, index) for index in indices]
        inputs, targets = (np.stack(part) for part in zip(*samples, strict=True))
        return inputs, targets

    def sample(self, step: int, index: int) -> Batch:
        """One degraded and one clear crop, ``(3, crop, crop)`` each."""
        rng = np.random.default_rng([self.recipe.seed, step, index, *self._stream])
        kinds = list(self.recipe.sampling_weights)
        weights = np.array([self.recipe.sampling_weights[kind] for kind in kinds], np.float64)
        kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
        draw = self._pair if kind in self.pairs else self._synthetic
        degraded, clear = draw(kind, rng)
        size = slice(MARGIN, MARGIN + self.recipe.crop_size)
        return _to_planes(degraded[size, size]), _to_planes(clear[size, size])

    @property
    def _stream(self) -> tuple[int, ...]:
        return (self.stream,) if self.stream else ()

    def _pair(self, kind: str, rng: np.random.Generator) -> Batch:
        image = self._draw(self.pairs[kind], rng)
        both = mirror(self._crop(image, rng, stored=True), rng)
        return both[..., :3], both[..., 3:]

    def _synthetic(self, kind: str, rng: np.random.Generator) -> Batch:
        chain = None if kind == "mixture" else Chain.parse("none" if kind == "clean" else kind)
        hazy = chain is None or "haze" in chain.kinds
        # Haze has an up and a down, as real degradation has: the sky is pale, and it is far.
        lay = mirror if hazy else turn
        crop = lay(self._crop(self._draw(self.photographs, rng), rng), rng)
        clear = np.ascontiguousarray(crop[..., :3])
        if not hazy:  # a pale picture in haze tells nobody how pale it was
            clear = self._varied(clear, rng)
        depth = np.ascontiguousarray(crop[..., 3]) if crop.shape[2] == 4 else None
        chain = self._mixture(rng) if chain is None else chain
        return degrade_crop(chain, clear, rng, MARGIN, depth, self.recipe.degradations)

    @property
    def _mixed(self) -> list[str]:
        """What a mixture is made of."""
        weights = self.recipe.sampling_weights
        return [kind for kind, weight in weights.items() if kind in DEGRADATIONS and weight > 0]

    def _mixture(self, rng: np.random.Generator) -> Chain:
        """Two or three kinds, in the order of the table."""
        count = min(int(rng.integers(2, 4)), len(self._mixed))
        chosen = rng.choice(self._mixed, count, replace=False)
        return Chain.parse("+".join(kind for kind in DEGRADATIONS if kind in chosen))

    def _varied(self, clear: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        of = self.recipe.augmentation
        for share, vary in (
            (of.tone, retone), (of.zoom, close_up), (of.flat_patches, wall),
            (of.striped_patches, stripes), (of.contrast, fade),
        ):  # fmt: skip
            if share > 0 and rng.random() < share:
                clear = vary(clear, rng)
        return clear

    def _draw(self, among: Sequence[Item], rng: np.random.Generator) -> NDArray[Any]:
        for _ in range(UNREADABLE):
            item = among[rng.integers(len(among))]
            try:
                return _kept(item, self.recipe.max_side)
            except ImageError as error:
                _warn_once(f"{error}; another image takes its place")
        raise ImageError(f"{UNREADABLE} images in a row cannot be read; the last: {item.truth}")

    def _crop(
        self, image: NDArray[Any], rng: np.random.Generator, stored: bool = False
    ) -> NDArray[np.float32]:
        """A random crop, mostly on the grid of its file if the image is ``stored`` degraded."""
        side = self.recipe.crop_size + 2 * MARGIN
        height, width = image.shape[:2]
        if min(height, width) < side:
            grow = [(0, max(0, side - height)), (0, max(0, side - width)), (0, 0)]
            image = np.pad(image, grow, mode="symmetric")
            height, width = image.shape[:2]
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        if stored and rng.random() < ALIGNED:
            top, left = on_grid(top, height - side, MARGIN), on_grid(left, width - side, MARGIN)
        window = image[top : top + side, left : left + side]
        if window.dtype == np.uint8:
            return window.astype(np.float32) / np.float32(255)
        return window


def _items(name: str, folders: Any) -> tuple[Item, ...]:
    folders = folders if isinstance(folders, (list, tuple)) else [folders]
    try:
        return tuple(item for folder in folders for item in items(name, folder, "train"))
    except (OptionError, ImageError) as error:
        raise type(error)(f"recipe.data.{name}: {error}") from None


def _hold_out(found: tuple[Item, ...], share: float) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Every n-th item apart; without a share, or with a single item, all are in both parts."""
    if share == 0 or len(found) < 2:
        return found, found
    every = max(2, math.floor(1 / share))
    apart = found[every // 2 :: every] or found[-1:]
    return tuple(item for item in found if item not in set(apart)), apart


_keeping: Keeping[Any] = Keeping()


def _kept(item: Item, largest_side: int) -> NDArray[Any]:
    return _keeping.get((item, largest_side), lambda: _planes(item, largest_side))


def _planes(item: Item, largest_side: int) -> NDArray[Any]:
    """(H, W, C): clear, uint8; degraded and clear, uint8; or clear and depth, float32."""
    degraded, clear = item.load()
    depth = item.load_depth()
    small = shrink(clear, largest_side)
    if degraded is not None:
        return np.concatenate((shrink(degraded, largest_side), small), 2)
    if depth is not None:
        return np.dstack((small.astype(np.float32) / np.float32(255), shrink(depth, largest_side)))
    return np.ascontiguousarray(small)


def shrink(image: NDArray[Any], largest_side: int) -> NDArray[Any]:
    """(H, W) or (H, W, C), so that no side is over ``largest_side``; 0: as it is."""
    height, width = image.shape[:2]
    factor = largest_side / max(height, width) if largest_side else 1.0
    if factor >= 1:
        return image
    size = round(width * factor), round(height * factor)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


_warned: set[str] = set()


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        logger.warning(message)


def _to_planes(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
