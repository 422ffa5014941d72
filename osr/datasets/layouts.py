"""Folder layouts as one-line patterns, and the images of a folder that fit one.

A pattern names files without their suffixes; ``{name}`` stands for any text within one name:

    {id}                              clear images
    hazy/{id}_{haze} -> gt/{id}       degraded images, each with its clear image
    image/{id} ~ depth/{id}           clear images, each with its depth map
    test/{id}: degraded | truth        both images side by side in one file
    list.txt: truth degraded           a list of pairs of files, a pair a line

Names may differ in case. Leading folders are optional: the root may be any of them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple, cast

from osr.datasets.item import Halves, Item
from osr.datasets.lists import locate, read_lines, short_names
from osr.images import SUFFIXES
from osr_core.errors import ImageError

_SPLIT_FOLDER = re.compile("train|test|val|our485", re.IGNORECASE)
"""Folders of one split. The root has to be that very folder for it to be left out of a pattern, or
training images could be taken for test images."""


@dataclass(frozen=True)
class Match:
    """The images of a folder that fit a layout."""

    layout: str
    """The pattern, without the leading folders that the root stands for."""
    items: tuple[Item, ...]
    missing: tuple[str, ...] = ()
    """A line for each file whose counterpart is missing."""


class _Pattern(NamedTuple):
    first: str
    sign: str = ""
    second: str = ""

    @classmethod
    def parse(cls, layout: str) -> _Pattern:
        for sign in ("->", "~", ":"):
            if sign in layout:
                first, second = layout.split(sign, 1)
                return cls(first.strip(), sign, second.strip())
        return cls(layout)

    def __str__(self) -> str:
        space = "" if self.sign in ("", ":") else " "
        return f"{self.first}{space}{self.sign} {self.second}".strip()

    @property
    def paths(self) -> list[str]:
        return [self.first, self.second] if self.sign in ("->", "~") else [self.first]


class FolderIndex:
    """The images and depth maps below a folder, as deep as some layouts need, listed once."""

    def __init__(self, root: Path, layouts: Iterable[str]) -> None:
        """Raises :class:`ImageError` if the folder cannot be read."""
        self.root = root
        self.folders: dict[str, list[str]] = {}
        """Sorted names by the path of their folder below the root."""
        self._files: dict[str, list[Path]] = {}
        """Files by their path below the root, without suffix and in lower case."""
        paths = [path for layout in layouts for path in _Pattern.parse(layout).paths]
        self._list("", max(path.count("/") for path in paths))

    def _list(self, folder: str, depth: int) -> None:
        place = self.root / folder
        try:
            names = sorted(n for n in os.listdir(place) if n[0] != "." and n != "__MACOSX")
        except OSError as error:
            if folder:  # no data set needs this one
                return
            raise ImageError(f"{place}: cannot be read: {error.strerror}") from None
        found = self.folders[folder] = []
        for name in names:
            stem, suffix = os.path.splitext(f"{folder}/{name}" if folder else name)
            if suffix.lower() in SUFFIXES | {".npy"}:
                found.append(name)
                self._files.setdefault(stem.lower(), []).append(place / name)
            elif depth and (place / name).is_dir():
                self._list(stem + suffix, depth - 1)

    def find(self, path: str, suffix: str, depth: bool = False) -> Path | None:
        """The image, or depth map, of a path without suffix; of several that of the suffix."""
        files = self._files.get(path.lower(), [])
        files = [file for file in files if depth or file.suffix.lower() in SUFFIXES]
        return next((f for f in files if f.suffix == suffix), files[0] if files else None)


def match(index: FolderIndex, layout: str) -> Match | None:
    """The images that fit a layout, or None if there is none.

    As few leading folders are left out as possible.
    """
    for pattern in _shortened(_Pattern.parse(layout), index.root):
        found = _match(index, pattern)
        if found.items or found.missing:
            return replace(found, items=_unique(found.items))
    return None


def _match(index: FolderIndex, pattern: _Pattern) -> Match:
    if pattern.sign == ":" and "|" not in pattern.second:
        return _match_list(index.root, pattern)
    items, missing = [], []
    for path, name, values in _matches(index, pattern.first):
        if pattern.sign not in ("->", "~"):
            halves = cast(Halves, pattern.second.replace(" ", "")) or None
            items.append(Item(name, path, path if halves else None, halves=halves))
            continue
        wanted, depth = pattern.second.format_map(values), pattern.sign == "~"
        other = index.find(wanted, path.suffix, depth)
        if other is None:
            what = "depth map" if depth else "ground truth"
            missing.append(f"{path}: its {what} {wanted} is missing")
        else:
            items.append(Item(name, path, depth=other) if depth else Item(name, other, path))
    return Match(str(pattern), tuple(items), tuple(missing))


def _match_list(root: Path, pattern: _Pattern) -> Match:
    path, roles = root / pattern.first, pattern.second.split()
    pairs: list[tuple[str, Path, Path]] = []
    missing: list[str] = []
    for number, line in enumerate(read_lines(path) if path.is_file() else [], 1):
        row = dict(zip(roles, line.split(), strict=False))
        truth, degraded = (locate(row.get(role, ""), root) for role in ("truth", "degraded"))
        if truth is None or degraded is None:
            missing.append(f"{path}: line {number}: not both files are there: {line}")
        else:
            pairs.append((row["degraded"], truth, degraded))
    names = short_names([text for text, _, _ in pairs])
    items = tuple(Item(name, *pair[1:]) for name, pair in zip(names, pairs, strict=True))
    return Match(str(pattern), items, tuple(missing))


def _shortened(pattern: _Pattern, root: Path) -> Iterator[_Pattern]:
    """The pattern, then the same without the leading folders that the root may stand for."""
    paths = [path.split("/") for path in pattern.paths]
    here = [part.lower() for part in Path(os.path.abspath(root)).parts]
    for dropped in range(len(paths[0])):
        leading = paths[0][:dropped]
        if any(path[:dropped] != leading for path in paths) or "{" in "".join(leading):
            return
        if any(
            _SPLIT_FOLDER.search(name) and here[place - dropped :][:1] != [name.lower()]
            for place, name in enumerate(leading)
        ):
            continue
        rest = ["/".join(path[dropped:]) for path in paths]
        yield _Pattern(rest[0], pattern.sign, rest[1] if len(rest) == 2 else pattern.second)


def _matches(index: FolderIndex, path: str) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """Image files that match, each with its name and with what the braces stand for."""
    folder, _, last = path.rpartition("/")
    free = [place for place, segment in enumerate(folder.split("/")) if "{" in segment]
    for place, names in index.folders.items():
        outer = _regex(folder).fullmatch(place)
        for name in names if outer else ():
            stem, suffix = os.path.splitext(name)
            inner = _regex(last).fullmatch(stem)
            if outer and inner and suffix.lower() in SUFFIXES:
                above = [place.split("/")[i] for i in free]
                values = {**outer.groupdict(), **inner.groupdict()}
                yield index.root / place / name, "/".join([*above, stem]), values


@cache
def _regex(path: str) -> re.Pattern[str]:
    """Braces match as little as they can, within one name."""
    parts = re.split(r"\{(\w+)\}", path)
    texts = [f"(?P<{p}>[^/]+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts)]
    return re.compile("".join(texts), re.IGNORECASE)


def _unique(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items, those of the same name distinguished by the suffix of their files."""
    counts = Counter(item.name for item in items)
    return tuple(
        replace(item, name=item.name + (item.degraded or item.truth).suffix)
        if counts[item.name] > 1
        else item
        for item in items
    )
