"""Settings from TOML files and ``key=value`` pairs, as plain values.

:func:`osr_core.settings.build` makes dataclasses of them. Files are bounded before they are parsed:
Python's parser takes any depth, and memory that grows with the square of the parts of a key.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from osr_core.errors import OptionError, printable
from osr_core.files import read_bounded
from osr_core.json_text import check_depth

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = dict[str, Any]

DEPTH = 16
"""Levels of tables and lists within each other."""

LONGEST = 2**18
"""Bytes of a file, or characters of a value."""

MAX_DOTS = 250
"""Dots in a line, and in the key of a pair: each may begin a table within the one before."""

MAX_FILES = 16
"""Files that extend each other."""

WHOLE = ("data", "sampling_weights", "loss", "init")
"""Tables that a later file replaces as a whole; others are merged key by key."""


def load(paths: Iterable[str | os.PathLike[str]]) -> Table:
    """The settings of TOML files; later ones override earlier ones.

    A file may begin with ``extends = "other.toml"``, a path relative to its own folder. Raises
    :class:`OptionError`, naming a file that cannot be read or is not TOML.
    """
    result: Table = {}
    for path in paths:
        result = merge(result, _read(Path(path), ()))
    return result


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Table:
    """Settings with others that override them; see :data:`WHOLE`."""
    result = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge(result[key], value) if both and key not in WHOLE else value
    return result


def assign(settings: Table, pairs: Iterable[str]) -> Table:
    """Settings with ``dotted.key=value`` pairs put in; a value is TOML, else a bare string.

    Raises :class:`OptionError` for a pair without ``=``, or a key through what is no table.

    >>> assign({"steps": 10}, ["steps=20", "optimizer.kind=adam", "data.photographs=holiday"])
    {'steps': 20, 'optimizer': {'kind': 'adam'}, 'data': {'photographs': 'holiday'}}
    """
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise OptionError(f"{printable(pair)!r}: expected key=value")
        if key.count(".") > MAX_DOTS:
            raise OptionError(f"{printable(key)}: a key of more than {MAX_DOTS} dots")
        settings = put(settings, key, _toml_value(text))
    return settings


def put(settings: Mapping[str, Any], key: str, value: Any) -> Table:
    """Settings with the value of one dotted key replaced; raises as :func:`assign`."""
    first, _, rest = key.partition(".")
    if not rest:
        return {**settings, first: value}
    inner = settings.get(first, {})
    if not isinstance(inner, Mapping):
        raise OptionError(f"{key}: {first} is not a table of settings")
    return {**settings, first: put(inner, rest, value)}


def folders(pairs: Iterable[str]) -> dict[str, list[str]]:
    """The folders of each data set, of ``NAME=PATH`` pairs; :class:`OptionError` for others."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, path = pair.partition("=")
        if not name or not path:
            raise OptionError(f"--data {pair}: expected NAME=PATH")
        found.setdefault(name, []).append(path)
    return found


def _toml_value(text: str) -> Any:
    try:
        return _parse(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except ValueError as error:
        raise OptionError(f"{printable(text)}: {error}") from None


def _parse(text: str) -> Table:
    """The values of a TOML text; a ValueError if it is none, or beyond a bound."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST:,} characters")
    if any(line.count(".") > MAX_DOTS for line in text.split("\n")):
        raise ValueError(f"a line of more than {MAX_DOTS} dots")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # of Python, which converts no more digits
        raise ValueError("an integer of too many digits") from None
    check_depth(table, DEPTH)
    return table


def _read(path: Path, above: tuple[Path, ...]) -> Table:
    try:
        place = path.resolve()
        if place in above:
            raise OptionError(f"{path}: extends itself")
        data = _parse(read_bounded(path, LONGEST).decode())
    except OSError as error:
        raise OptionError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RuntimeError) as error:  # of the text, or of the path: NUL, a loop of links
        raise OptionError(f"{path}: not TOML: {error}") from None
    base = data.pop("extends", None)
    if base is None:
        return data
    if not isinstance(base, str) or len(above) >= MAX_FILES:
        raise OptionError(f"{path}: extends: expected one file, {MAX_FILES} in a row at most")
    return merge(_read(path.parent / base, (*above, place)), data)
