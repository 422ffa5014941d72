"""List files: one path a line, written where the images were in another folder."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path, PurePosixPath

from osr.datasets.item import Item
from osr.images import SUFFIXES
from osr_core.errors import ImageError


def listed(
    degraded: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    old: str | None = None,
) -> tuple[Item, ...]:
    """The pairs of two list files: line *n* of both names one pair.

    Args:
        degraded: list of the degraded images, one path a line; empty lines do not count.
        truth: list of their ground truths, of the same length.
        root: folder that replaces the authors' folder of images; by default the one that holds the
            list of degraded images.
        old: leading part of the paths that ``root`` replaces. By default as much of each path is
            left out as it takes to find the file below ``root``.

    Raises:
        ImageError: if a list cannot be read, they differ in length, or a file is not found.
    """
    lists = [Path(degraded), Path(truth)]
    lines = [read_lines(path) for path in lists]
    if len(lines[0]) != len(lines[1]):
        raise ImageError(
            f"{lists[0]}: holds {len(lines[0])} paths, but {lists[1]} holds {len(lines[1])}"
        )
    folder = Path(root) if root is not None else lists[0].parent
    found: list[list[Path]] = []
    for path, texts in zip(lists, lines, strict=True):
        found.append([_must_locate(path, text, folder, old) for text in texts])
    names = short_names(lines[0])
    return tuple(Item(name, clear, hurt) for name, hurt, clear in zip(names, *found, strict=True))


def read_lists(text: str) -> tuple[Item, ...]:
    """The pairs that ``INPUT.txt,GT.txt`` or ``INPUT.txt,GT.txt,ROOT`` names.

    A folder stands for the ``input.txt`` and ``gt.txt`` in it. See :func:`listed`.

    Raises:
        ImageError: as :func:`listed`, and if the text names nothing.
    """
    if os.path.isdir(text):
        return listed(Path(text, "input.txt"), Path(text, "gt.txt"))
    names = [name.strip() for name in text.split(",")]
    if len(names) not in (2, 3) or not all(names):
        raise ImageError(
            f"{text}: expected INPUT.txt,GT.txt or INPUT.txt,GT.txt,ROOT, "
            "or a folder with input.txt and gt.txt"
        )
    return listed(*names)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that hold anything, stripped.

    Raises:
        ImageError: if it cannot be read or holds none.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ImageError(f"{path}: is no list of paths: not UTF-8 text") from None
    found = [line for line in lines if line]
    if not found:
        raise ImageError(f"{path}: is empty; expected one path a line")
    return found


def locate(text: str, root: Path, old: str | None = None) -> Path | None:
    """The file that a path from another machine means, or None.

    With ``old``, ``root`` replaces it. Else leading folders are left out until there is such a
    file below ``root``; a path that leads to a file from ``/`` is taken as it is.
    """
    posix = text.replace("\\", "/")
    if old is not None:
        start = old.replace("\\", "/").rstrip("/") + "/"
        if not posix.startswith(start):
            return None
        path = root / posix[len(start) :]
        return path if path.is_file() else None
    if os.path.isabs(posix) and os.path.isfile(posix):
        return Path(posix)
    parts = [part for part in PurePosixPath(posix).parts if part != "/"]
    tries = (root.joinpath(*parts[index:]) for index in range(len(parts)))
    return next((path for path in tries if path.is_file()), None)


def short_names(lines: list[str]) -> list[str]:
    """The paths without the folders that all share and without suffix; repeated ones numbered.

    >>> short_names(["/data/hazy/1_1.png", "/data/hazy/1_2.png", "/data/hazy/1_2.png"])
    ['1_1', '1_2', '1_2#2']
    """
    paths = [line.replace("\\", "/").split("/") for line in lines]
    columns = zip(*(path[:-1] for path in paths), strict=False)
    shared = len(list(takewhile(lambda names: len(set(names)) == 1, columns)))
    seen: dict[str, int] = {}
    names = []
    for path in paths:
        name = os.path.splitext("/".join(path[shared:]))[0]
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _must_locate(path: Path, text: str, root: Path, old: str | None) -> Path:
    found = locate(text, root, old)
    if found is None:
        replaced = f" with {old} replaced" if old else ""
        raise ImageError(f"{path}: {text} is not found below {root}{replaced}")
    if found.suffix.lower() not in SUFFIXES:
        raise ImageError(f"{path}: {text} is no image file")
    return found
