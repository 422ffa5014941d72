"""Training samples: batch *k* of a recipe is a pure function of (seed, k).

So any number of loader processes yields the same batches, a resumed run sees what an unbroken one
would have seen, and both backends see the same bits.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.datasets import Item, catalogue, find, items
from osr.datasets.catalogue import WITHOUT_FOLDER
from osr.degradations import DEGRADATIONS, Chain, check_ranges
from osr.images import to_float
from osr.training.augmentation import AUGMENTATIONS, UNDER_HAZE, random_dihedral, random_hflip
from osr.training.grids import ALIGNED, degrade_crop, on_grid
from osr.training.image_cache import planes
from osr.training.recipe import Recipe
from osr_core.backend import SINGLE, World
from osr_core.errors import ImageError, OptionError, quoted
from osr_core.settings import suggest

MARGIN = 12
"""Pixels cut off around a degraded crop, so that no border shows in it."""

UNREADABLE = 20
"""Files in a row that may turn out unreadable before a sample is given up."""

END = 4096
"""Bytes at each end of a file that count in the fingerprint."""

BUILT_IN = "built-in"
"""In place of a folder for the images that come with scikit-image."""

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Degraded and clean crops, ``(N, 3, crop, crop)`` each."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Samples:
    """The samples of a recipe. Holds names of files, so that loader processes get it cheaply."""

    recipe: Recipe
    photographs: tuple[Item, ...]
    """Clean photographs, for synthetic degradations."""
    pairs: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    """Name of a set → its degraded photographs, each with its ground truth."""
    stream: int = 0
    """0: training; another number draws other crops and degradations."""

    def __post_init__(self) -> None:
        check_ranges(self.recipe.degradations)
        for kind, weight in self.recipe.sampling_weights.items():
            try:
                self._check_kind(kind, weight)
            except OptionError as error:
                raise OptionError(f"recipe.sampling_weights.{kind}: {error}") from None

    def _check_kind(self, kind: str, weight: float) -> None:
        known = ["clean", "none", "mixture", *DEGRADATIONS, *self.pairs]
        if kind not in known and kind in catalogue():
            raise OptionError(f"recipe.data names no folder for it; add --data {kind}=PATH")
        if kind not in known and kind.isidentifier():
            raise OptionError(suggest(kind, known))
        if kind not in known:
            Chain.parse(kind)
        if weight > 0 and kind == "mixture" and not self._mixed:
            raise OptionError("needs degradations beside it, which it mixes")
        if weight > 0 and not (self.pairs.get(kind) or self.photographs):
            raise OptionError("recipe.data has no photographs for it")

    @classmethod
    def of(cls, recipe: Recipe) -> Samples:
        """The training samples of the folders that the recipe names.

        Raises :class:`OptionError` for an unknown set or folder, and :class:`ImageError` if a
        folder does not hold what the set consists of.
        """
        clean: list[Item] = []
        pairs: dict[str, tuple[Item, ...]] = {}
        for name, folders in recipe.data.items():
            found = _items(name, folders)
            if find(name).paired:
                pairs[name] = found
            else:
                clean += found
        return cls(recipe, tuple(clean), pairs)

    def split(self) -> tuple[Samples, Samples]:
        """The training and the validation split; see :class:`~.recipe.Validation`."""
        fraction = self.recipe.validation.val_fraction
        clean = _split(self.photographs, fraction)
        pairs = {name: _split(found, fraction) for name, found in self.pairs.items()}
        training, validation = (
            replace(self, photographs=clean[split], pairs={n: p[split] for n, p in pairs.items()})
            for split in range(2)
        )
        return training, replace(validation, stream=1)

    def counts(self) -> dict[str, int]:
        """Number of images of each data set, all clean photographs together."""
        sets = {"photographs": self.photographs, **self.pairs}
        return {name: len(found) for name, found in sets.items() if found}

    def fingerprint(self) -> str:
        """Hash of the names of all images in their order, and of the sizes and both ends of their
        files: to read them whole would take minutes."""
        found = [item for items in (self.photographs, *self.pairs.values()) for item in items]
        total = hashlib.sha256(repr([list(self.pairs), [item.name for item in found]]).encode())
        for item in found:
            for path in filter(None, (item.truth, item.degraded, item.depth)):
                total.update(_ends(path))
        return total.hexdigest()[:16]

    def batch(self, step: int, world: World = SINGLE) -> Batch:
        """A process's part of the batch of a step, counted from 0. Inputs may leave [0, 1]."""
        part = self.recipe.batch_size // world.size
        indices = range(part * world.rank, part * (world.rank + 1))
        samples = [self.sample(step, index) for index in indices]
        inputs, targets = (np.stack(part) for part in zip(*samples, strict=True))
        return inputs, targets

    def sample(self, step: int, index: int) -> Batch:
        """One degraded and one clean crop, ``(3, crop, crop)`` each."""
        rng = np.random.default_rng([self.recipe.seed, step, index, self.stream])
        kinds, weights = zip(*self.recipe.sampling_weights.items(), strict=True)
        kind = kinds[rng.choice(len(kinds), p=np.array(weights, np.float64) / sum(weights))]
        draw = self._pair if kind in self.pairs else self._synthetic
        inside = slice(MARGIN, MARGIN + self.recipe.crop_size)
        planes = (image[inside, inside].transpose(2, 0, 1) for image in draw(kind, rng))
        degraded, clean = (np.ascontiguousarray(each, np.float32) for each in planes)
        return degraded, clean

    def _pair(self, kind: str, rng: np.random.Generator) -> Batch:
        image = self._draw(self.pairs[kind], rng)
        both = random_hflip(self._crop(image, rng, stored=True), rng)
        return both[..., :3], both[..., 3:]

    def _synthetic(self, kind: str, rng: np.random.Generator) -> Batch:
        chain = None if kind == "mixture" else Chain.parse("none" if kind == "clean" else kind)
        hazy = chain is None or "haze" in chain.kinds
        flip = random_hflip if self._upright else random_dihedral
        crop = flip(self._crop(self._draw(self.photographs, rng), rng), rng)
        clean = self._augmented(np.ascontiguousarray(crop[..., :3]), rng, hazy)
        depth = np.ascontiguousarray(crop[..., 3]) if crop.shape[2] == 4 else None
        chain = self._mixture(rng) if chain is None else chain
        return degrade_crop(chain, clean, rng, MARGIN, depth, self.recipe.degradations)

    @property
    def _upright(self) -> bool:
        """Whether no image is turned, for haze is not the same upside down: the sky is far and
        pale. Were clean images turned and hazy ones not, their orientation would tell which is
        which."""
        weights = self.recipe.sampling_weights
        return any("haze" in kind and weight > 0 for kind, weight in weights.items())

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

    def _augmented(
        self, clean: NDArray[np.float32], rng: np.random.Generator, hazy: bool
    ) -> NDArray[np.float32]:
        for name, augment in AUGMENTATIONS.items():
            if hazy and name not in UNDER_HAZE:
                continue
            probability = getattr(self.recipe.augmentation, name)
            if probability > 0 and rng.random() < probability:
                clean = augment(clean, rng)
        return clean

    def _draw(self, among: Sequence[Item], rng: np.random.Generator) -> NDArray[Any]:
        for _ in range(UNREADABLE):
            item = among[rng.integers(len(among))]
            try:
                return planes(item, self.recipe.max_side)
            except ImageError as error:
                warn_once(f"{error}; another image replaces it")
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
        patch = image[top : top + side, left : left + side]
        return to_float(patch) if patch.dtype == np.uint8 else patch


def _items(name: str, folders: Any) -> tuple[Item, ...]:
    folders = folders if isinstance(folders, (list, tuple)) else [folders]
    try:
        for folder in folders:
            if not isinstance(folder, (str, os.PathLike)):
                raise OptionError(f"expected a folder or a list of folders, got {quoted(folder)}")
            if name in WITHOUT_FOLDER and folder != BUILT_IN:
                raise OptionError(f"has no folder; write {BUILT_IN!r}, or choose another data set")
        return tuple(item for folder in folders for item in items(name, folder, "train"))
    except (OptionError, ImageError) as error:
        raise type(error)(f"recipe.data.{name}: {error}") from None


def _ends(path: Path) -> bytes:
    """Size, first and last bytes of a file; nothing if it cannot be read, which training skips."""
    try:
        with path.open("rb") as file:
            size, head = os.fstat(file.fileno()).st_size, file.read(END)
            file.seek(max(0, size - END))
            return b"%d %b%b" % (size, head, file.read(END))
    except OSError:
        return b"unreadable"


def _split(found: tuple[Item, ...], fraction: float) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Training and validation items; the latter are spread evenly. All are in both parts if the
    fraction is 0 or there is one item only."""
    total = len(found)
    if fraction == 0 or total < 2:
        return found, found
    count = min(max(1, round(fraction * total)), total - 1)
    chosen = {(2 * index + 1) * total // (2 * count) for index in range(count)}
    return (
        tuple(item for index, item in enumerate(found) if index not in chosen),
        tuple(found[index] for index in sorted(chosen)),
    )


@cache
def warn_once(message: str) -> None:
    """Log a warning, unless it was logged before."""
    logger.warning(message)
