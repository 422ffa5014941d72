"""From the name of a data set and a folder to its images."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from osr.datasets.catalogue import SPLITS, DataSet, Split, find
from osr.datasets.item import Item
from osr.datasets.layouts import FolderIndex, Match, match
from osr.datasets.lists import read_lists
from osr_core.errors import ImageError, OptionError

SCIKIT_IMAGE = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
"""Public-domain photographs (CC0) that come with scikit-image."""


def items(
    name: str, path: str | os.PathLike[str] | None = None, split: Split = "test"
) -> tuple[Item, ...]:
    """The images of a data set, in the order of their names.

    The layouts in which the set is distributed are tried first, then simple ones such as
    ``input/`` + ``gt/``. An incomplete set is read as far as it goes;
    :func:`osr.datasets.check` says what is missing.

    Args:
        name: of the catalogue.
        path: folder that holds the set; ``scikit-image`` needs none, and ``lists`` takes
            ``INPUT.txt,GT.txt,ROOT``, see :func:`osr.datasets.lists.read_lists`.
        split: ``train`` or ``test``.

    Raises:
        OptionError: if there is no such set, or it has no such split.
        ImageError: if the folder does not hold it, or a ground truth is missing.
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
    if data.name == "scikit-image":
        import skimage

        folder = Path(skimage.__file__).parent / "data"
        files = [folder / name for name in SCIKIT_IMAGE]
        return Match(data.name, tuple(Item(file.stem, file) for file in files))
    if path is None:
        raise OptionError(f"data set {data.name}: needs a folder; download it from {data.url}")
    if data.name == "lists":
        return Match(data.name, read_lists(os.fspath(path)))
    root, layouts = Path(path), data.candidate_layouts(split)
    if not root.is_dir():
        raise ImageError(f"{root}: {'is no folder' if root.exists() else 'no such folder'}")
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
