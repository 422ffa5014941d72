"""Folder layouts as one-line patterns, and the images of a folder that fit one.

A pattern names files without their suffixes; ``{name}`` stands for any text within one name:

    {id}                              clear images
    hazy/{id}_{haze} -> gt/{id}       degraded images, each with its clear image
    image/{id} ~ depth/{id}           clear images, each with its depth map
    test/{id}: degraded | truth        both images side by side in one file
    list.txt: truth degraded           a list of pairs of files, a pair a line

Names of folders may differ in case. Leading folders are optional: the root may be any of them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

from osr.datasets.item import Halves, Item
from osr.datasets.lists import locate, read_lines, short_names
from osr.images import SUFFIXES
from osr_core.errors import ImageError

_WITH_DEPTH = SUFFIXES | {".npy"}

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


class FolderIndex:
    """A folder whose listings are read once."""

    def __init__(self, root: Path) -> None:
        """Of a folder; nothing is read yet."""
        self.root = root
        self.names = cache(self._names)
        self.folder = cache(self._folder)
        self.images = cache(self._images)

    def _names(self, folder: Path) -> list[str]:
        """Names in a folder, sorted, without hidden ones; none if there is no such folder."""
        try:
            return sorted(n for n in os.listdir(folder) if n[0] != "." and n != "__MACOSX")
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise ImageError(f"{folder}: cannot be read: {error.strerror}") from None

    def _folder(self, path: str) -> Path | None:
        """The folder of a path below the root; names may differ in case."""
        if not path:
            return self.root
        above, _, name = path.rpartition("/")
        place = self.folder(above)
        names = [n for n in self.names(place) if n.lower() == name.lower()] if place else []
        return place / (name if name in names else names[0]) if place and names else None

    def _images(self, folder: Path) -> dict[str, list[Path]]:
        """Image files and ``.npy`` by their names without suffix, in lower case."""
        found: dict[str, list[Path]] = {}
        for name in self.names(folder):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in _WITH_DEPTH:
                found.setdefault(stem.lower(), []).append(folder / name)
        return found


def match(index: FolderIndex, layout: str) -> Match | None:
    """The images that fit a layout, or None if there is none.

    As few leading folders are left out as possible.
    """
    for pattern in _shortened(layout, index.root):
        found = _match(index, pattern)
        if found.items or found.missing:
            return replace(found, items=_unique(found.items))
    return None


def _match(index: FolderIndex, layout: str) -> Match:
    first, sign, second = _parse(layout)
    if sign == ":" and "|" not in second:
        return _match_list(index, layout, first, second.split())
    items, missing = [], []
    for path, name, values in _matches(index, first):
        if sign == ":":
            halves = cast(Halves, second.replace(" ", ""))
            items.append(Item(name, path, path, halves=halves))
            continue
        wanted = second.format_map(values)
        other = _lookup(index, wanted, path.suffix, depth=sign == "~") if wanted else None
        if wanted and other is None:
            what = "depth map" if sign == "~" else "ground truth"
            missing.append(f"{path}: its {what} {wanted} is missing")
        elif sign == "->" and other is not None:
            items.append(Item(name, other, path))
        else:
            items.append(Item(name, path, depth=other))
    return Match(layout, tuple(items), tuple(missing))


def _match_list(index: FolderIndex, layout: str, name: str, roles: list[str]) -> Match:
    path = index.root / name
    lines = read_lines(path) if path.is_file() else []
    pairs: list[tuple[str, Path, Path]] = []
    missing: list[str] = []
    for number, line in enumerate(lines, 1):
        row = dict(zip(roles, line.split(), strict=False))
        truth, degraded = (locate(row.get(role, ""), index.root) for role in ("truth", "degraded"))
        if truth is None or degraded is None:
            missing.append(f"{path}: line {number}: not both files are there: {line}")
        else:
            pairs.append((row["degraded"], truth, degraded))
    names = short_names([text for text, _, _ in pairs])
    items = tuple(Item(name, *pair[1:]) for name, pair in zip(names, pairs, strict=True))
    return Match(layout, items, tuple(missing))


def _parse(layout: str) -> tuple[str, str, str]:
    for sign in ("->", "~", ":"):
        first, found, second = layout.partition(sign)
        if found:
            return first.strip(), sign, second.strip()
    return layout.strip(), "", ""


def _shortened(layout: str, root: Path) -> Iterator[str]:
    """The layout, then the same without the leading folders that the root may stand for."""
    first, sign, second = _parse(layout)
    paths = [first, second] if sign in ("->", "~") else [first]
    folders = [path.split("/")[:-1] for path in paths]
    here = [part.lower() for part in Path(os.path.abspath(root)).parts]
    join = f" {sign} " if sign != ":" else ": "
    for dropped in range(len(folders[0]) + 1):
        leading = [folder[:dropped] for folder in folders]
        if any(lead != leading[0] for lead in leading) or "{" in "".join(leading[0]):
            return
        names = [name.lower() for name in leading[0]]
        if any(
            _SPLIT_FOLDER.search(name) and here[-(dropped - place) :][:1] != [name]
            for place, name in enumerate(names)
        ):
            continue
        rest = ["/".join(path.split("/")[dropped:]) for path in paths]
        yield join.join(rest if len(paths) == 2 else [*rest, second]) if sign else rest[0]


def _matches(index: FolderIndex, pattern: str) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """Image files that match, each with its name and with what the braces stand for."""
    *folders, last = pattern.split("/")
    places: list[tuple[Path, tuple[str, ...], dict[str, str]]] = [(index.root, (), {})]
    for segment in folders:
        regex, free = _regex(segment), "{" in segment
        places = [
            (place / name, (*names, name) if free else names, {**values, **match.groupdict()})
            for place, names, values in places
            for name in index.names(place)
            if (match := regex.fullmatch(name)) and (not (free and _is_image(name)))
        ]
    regex = _regex(last)
    for place, names, values in places:
        for name in index.names(place):
            stem, _ = os.path.splitext(name)
            if _is_image(name) and (match := regex.fullmatch(stem)):
                yield place / name, "/".join([*names, stem]), {**values, **match.groupdict()}


@cache
def _regex(segment: str) -> re.Pattern[str]:
    """The pattern of one name; braces match as little as they can."""
    parts = re.split(r"\{(\w+)\}", segment)
    texts = [f"(?P<{p}>.+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts)]
    return re.compile("".join(texts), re.IGNORECASE)


def _lookup(index: FolderIndex, wanted: str, suffix: str, depth: bool) -> Path | None:
    """The image file of a path without suffix; that of the given suffix if there are several."""
    folder, _, stem = wanted.rpartition("/")
    place = index.folder(folder)
    found = index.images(place).get(stem.lower(), []) if place else []
    fitting = [path for path in found if depth or _is_image(path.name)]
    return next((p for p in fitting if p.suffix == suffix), fitting[0] if fitting else None)


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _unique(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items, those of the same name distinguished by the suffix of their files."""
    counts = Counter(item.name for item in items)
    return tuple(
        replace(item, name=item.name + (item.degraded or item.truth).suffix)
        if counts[item.name] > 1
        else item
        for item in items
    )
