"""The catalogue of data sets, ``catalogue.toml``, and the images of one in a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from osr import settings
from osr.datasets.item import Item
from osr.datasets.layouts import FolderIndex, Match, match
from osr.datasets.lists import read_lists
from osr.evaluation.metrics import Protocol
from osr.extras import require_extra
from osr_core.errors import ImageError, OptionError
from osr_core.settings import build, suggest

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")

_FOLDERS: Mapping[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "testing", "val", "valid"),
}
_CLEAR = ("gt/{id}", "HR/{id}", "original/{id}", "images/{id}", "{id}")
_PAIRED = tuple(
    f"{degraded}/{{id}} -> {truth}/{{id}}"
    for degraded, truth in (
        ("input", "gt"), ("input", "target"), ("lq", "gt"), ("lq", "hq"), ("hazy", "gt"),
        ("hazy", "clear"), ("rainy", "gt"), ("rain", "norain"), ("blur", "sharp"), ("blur", "gt"),
        ("low", "high"), ("noisy", "gt"), ("noisy", "clean"),
    )
)  # fmt: skip


WITHOUT_FOLDER: Mapping[str, tuple[str, ...]] = {
    "scikit-image": ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"),
    "scikit-image-clean": (
        "astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png",
        "coffee.png", "coins.png", "grass.png", "gravel.png", "ihc.png", "moon.png",
        "motorcycle_left.png", "page.png",
    ),
}  # fmt: skip
"""Sets without a folder: files that come with scikit-image."""


@dataclass(frozen=True)
class DataSet:
    """An entry of the catalogue."""

    name: str
    """Lower case with hyphens."""
    title: str
    """One line: authors' name of the set, and what it holds."""
    paired: bool
    """Whether each clear image comes with a degraded one."""
    url: str
    size: str
    terms: str
    degradation: str | None = None
    """Kind of degradation it holds, or which its clear images are usually given; None for any."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Images in each public split, ``train`` and ``test``; empty for a user's own data."""
    layouts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Layouts in which it is distributed, by split; see :mod:`osr.datasets.layouts`."""
    channel: Literal["rgb", "y"] = "rgb"
    """What papers compare on it: RGB or luma alone."""
    crop: int = 0
    """Pixels cropped at each border; in super-resolution as many as the scale."""
    psnr: float | None = None
    """Published mean PSNR in dB of the degraded images of the test split, measured as above."""
    psnr_source: str = ""
    centre_crop: bool = False
    """Whether ground truths are larger than their inputs and are cropped around the centre."""
    note: str = ""

    @property
    def protocol(self) -> Protocol:
        """What papers compare on it; :attr:`crop` grows to the scale in super-resolution."""
        return Protocol(self.channel, self.crop)

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that it has; a user's own data may have any."""
        return tuple(s for s in SPLITS if not self.counts or s in self.counts)

    def candidate_layouts(self, split: Split) -> tuple[str, ...]:
        """Layouts to try in this order: those distributed, then simple ones."""
        if split not in self.splits:
            raise OptionError(
                f"data set {self.name}: has no split {split!r}, only {' and '.join(self.splits)}"
            )
        simple = () if self.with_depth else _PAIRED if self.paired else _CLEAR
        below = (
            " -> ".join(f"{folder}/{path}" for path in layout.split(" -> "))
            for folder in _FOLDERS[split]
            for layout in simple
        )
        return (*self.layouts.get(split, ()), *below, *simple)

    def documented_layouts(self, split: Split) -> tuple[str, ...]:
        """Layouts for a list: those distributed, and the simplest one."""
        if self.name == "lists" or self.name in WITHOUT_FOLDER:  # they have no folder of their own
            return ()
        simple = () if self.with_depth else (_PAIRED[0],) if self.paired else ("{id}",)
        return tuple(dict.fromkeys((*self.layouts.get(split, ()), *simple)))

    @property
    def with_depth(self) -> bool:
        """Whether it holds depth maps."""
        return any("~" in layout for layouts in self.layouts.values() for layout in layouts)


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, DataSet]:
    """Every data set by name.

    >>> catalogue()["sots-indoor"].psnr
    11.97
    """
    table = settings.load([Path(__file__).with_name("catalogue.toml")])
    return {name: _data_set(name, values) for name, values in table.items()}


def find(name: str) -> DataSet:
    """The data set of a name, in any case, with hyphens or underscores."""
    key = name.strip().lower().replace("_", "-")
    known = catalogue()
    if key not in known:
        near = [other for other in known if key and other.startswith(key)]
        hint = f"did you mean {' or '.join(near)}?" if near else suggest(key, known)
        raise OptionError(f"data set {name}: unknown; {hint}")
    return known[key]


def items(
    name: str, path: str | os.PathLike[str] | None = None, split: Split = "test"
) -> tuple[Item, ...]:
    """The images of a data set, in the order of their names.

    The layouts in which the set is distributed are tried first, then simple ones such as
    ``input/`` + ``gt/``. An incomplete set is read as far as it goes;
    :func:`osr.datasets.check` says what is missing.

    Args:
        name: of the catalogue.
        path: folder that holds the set; those of :data:`WITHOUT_FOLDER` need none; ``lists`` takes
            ``INPUT.txt,GT.txt,ROOT``, see :func:`osr.datasets.lists.read_lists`.
        split: ``train`` or ``test``.

    Raises:
        OptionError: if there is no such set, or it has no such split.
        ImageError: if the folder does not hold it, or a ground truth is missing.
        PackageError: if it is ``scikit-image``, which the extra ``evaluation`` installs.
    """
    found = scan(find(name), path, split)
    if found.missing:
        more = f" (and {len(found.missing) - 1} more)" if len(found.missing) > 1 else ""
        raise ImageError(
            f"{found.missing[0]}{more}; 'osr data check {find(name).name} {path}' says more"
        )
    return found.items


def scan(data: DataSet, path: str | os.PathLike[str] | None, split: Split) -> Match:
    """The images of a split in a folder, by the layout that fits best."""
    if split not in SPLITS:
        raise OptionError(f"split {split!r}: expected one of {', '.join(SPLITS)}")
    if data.name in WITHOUT_FOLDER:
        require_extra("evaluation", f"data set {data.name}")
        import skimage

        folder = Path(skimage.__file__).parent / "data"
        files = [folder / name for name in WITHOUT_FOLDER[data.name]]
        return Match(data.name, tuple(Item(file.stem, file) for file in files))
    if path is None:
        raise OptionError(f"data set {data.name}: needs a folder; download it from {data.url}")
    if data.name == "lists":
        return Match(data.name, read_lists(os.fspath(path)))
    root, layouts = Path(path), data.candidate_layouts(split)
    if not os.path.isdir(root):
        raise ImageError(f"{root}: {'is no folder' if os.path.exists(root) else 'no such folder'}")
    index = FolderIndex(root, layouts)
    best = None
    for layout in layouts:
        found = match(index, layout)
        if found is not None and (best is None or len(found.items) > len(best.items)):
            best = found
        if found is not None and not found.missing:
            break
    if best is None:
        wanted = "; ".join(data.documented_layouts(split))
        raise ImageError(f"{root}: holds no {split} images of {data.name}; looked for {wanted}")
    cropped = (replace(item, centre_crop=data.centre_crop) for item in best.items)
    return replace(best, items=tuple(cropped))


def _data_set(name: str, values: Mapping[str, Any]) -> DataSet:
    rest = {key: value for key, value in values.items() if key not in (*SPLITS, "any")}
    layouts = {s: [*values.get(s, ()), *values.get("any", ())] for s in SPLITS}
    return build(DataSet, {"name": name, "layouts": layouts, **rest}, name)
