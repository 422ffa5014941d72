"""List files: one path a line, written where the images were in another folder."""

from __future__ import annotations

import os
from collections import Counter
from itertools import takewhile
from pathlib import Path, PurePosixPath

from osr.datasets.item import Item
from osr.images import SUFFIXES
from osr_core.errors import ImageError
from osr_core.files import read_bounded


def read_lists(text: str) -> tuple[Item, ...]:
    """The pairs of two list files: line *n* of both names one pair.

    Args:
        text: ``INPUT.txt,GT.txt`` or ``INPUT.txt,GT.txt,ROOT``: paths of degraded images, paths of
            their ground truths, one a line, and the folder that replaces the authors' folder of
            images, by default that of the first list. As much of each path is left out as it takes
            to find the file below it. A folder stands for the ``input.txt`` and ``gt.txt`` in it.

    Raises :class:`ImageError` if a list cannot be read, they differ in length, or a file is not
    found.
    """
    names = [f"{text}/input.txt", f"{text}/gt.txt"] if os.path.isdir(text) else text.split(",")
    lists = [Path(name.strip()) for name in names]
    if len(lists) not in (2, 3) or not all(name.strip() for name in names):
        raise ImageError(
            f"{text}: expected INPUT.txt,GT.txt or INPUT.txt,GT.txt,ROOT, "
            "or a folder with input.txt and gt.txt"
        )
    root = lists[2] if len(lists) == 3 else lists[0].parent
    lines = [read_lines(path) for path in lists[:2]]
    if len(lines[0]) != len(lines[1]):
        raise ImageError(
            f"{lists[0]}: holds {len(lines[0])} paths, but {lists[1]} holds {len(lines[1])}"
        )
    degraded, truth = (
        [_must_locate(path, line, root) for line in texts]
        for path, texts in zip(lists, lines, strict=False)
    )
    return tuple(map(Item, short_names(lines[0]), truth, degraded))


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that hold anything, stripped; there must be one."""
    try:
        lines = [line.strip() for line in str(read_bounded(path), "utf-8-sig").splitlines()]
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ImageError(f"{path}: is no list of paths: not UTF-8 text") from None
    found = [line for line in lines if line]
    if not found:
        raise ImageError(f"{path}: is empty; expected one path a line")
    return found


def locate(text: str, root: Path) -> Path | None:
    """The file that a path from another machine means, or None.

    Leading folders are left out until there is such a file below ``root``; an absolute path that
    leads to a file is used as it is.
    """
    posix = text.replace("\\", "/")
    if os.path.isabs(posix) and os.path.isfile(posix):
        return Path(posix)
    parts = [part for part in PurePosixPath(posix).parts if part != "/"]
    tries = (root.joinpath(*parts[index:]) for index in range(len(parts)))
    return next((path for path in tries if os.path.isfile(path)), None)


def short_names(lines: list[str]) -> list[str]:
    """The paths without the folders that all share and without suffix; repeated ones numbered.

    >>> short_names(["/data/hazy/1_1.png", "/data/hazy/1_2.png", "/data/hazy/1_2.png"])
    ['1_1', '1_2', '1_2#2']
    """
    paths = [line.replace("\\", "/").split("/") for line in lines]
    columns = zip(*(path[:-1] for path in paths), strict=False)
    shared = len(list(takewhile(lambda names: len(set(names)) == 1, columns)))
    seen: Counter[str] = Counter()
    names = []
    for path in paths:
        name = os.path.splitext("/".join(path[shared:]))[0]
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _must_locate(path: Path, text: str, root: Path) -> Path:
    found = locate(text, root)
    if found is None:
        raise ImageError(f"{path}: {text} is not found below {root}")
    if found.suffix.lower() not in SUFFIXES:
        raise ImageError(f"{path}: {text} is not an image file")
    return found
