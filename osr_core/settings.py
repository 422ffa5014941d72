"""Nested tables of settings: frozen dataclasses from plain values, files and ``key=value`` pairs.

What is wrong is named by its dotted key, with the nearest right one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from osr_core.errors import OptionError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

Table = dict[str, Any]

WHOLE = ("data", "sampling_weights", "loss")
"""Tables that a later file replaces as a whole; others are merged key by key."""


def build(cls: type[T], data: Any, where: str = "recipe") -> T:
    """The dataclass of plain values: tables for dataclasses, whole numbers also for floats.

    Raises:
        OptionError: naming a key that is unknown, missing or of the wrong type.
    """
    if not isinstance(data, Mapping):
        raise OptionError(f"{where}: expected a table of settings, got {data!r}")
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    for key in data:
        if key not in names:
            raise OptionError(f"{where}.{key}: unknown key; {suggest(key, names)}")
    values = {key: _value(hints[key], value, f"{where}.{key}") for key, value in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise OptionError(f"{where}: missing key: {error}") from None


def suggest(name: str, known: Iterable[str]) -> str:
    """``did you mean …?``, or all that there is."""
    known = list(known)
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"


def load(paths: Iterable[str | os.PathLike[str]]) -> Table:
    """The settings of TOML files, later ones over earlier ones.

    A file may begin with ``extends = "other.toml"``, a path relative to its own folder.

    Raises:
        OptionError: naming a file that cannot be read or is not TOML.
    """
    result: Table = {}
    for path in paths:
        result = merge(result, _read(Path(path), ()))
    return result


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Table:
    """Settings with others laid over them; see :data:`WHOLE`."""
    result = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge(result[key], value) if both and key not in WHOLE else value
    return result


def assign(settings: Table, pairs: Iterable[str]) -> Table:
    """Settings with ``dotted.key=value`` pairs put in; a value is TOML, else a bare string.

    >>> assign({"steps": 10}, ["steps=20", "optimizer.kind=adam", "data.photographs=holiday"])
    {'steps': 20, 'optimizer': {'kind': 'adam'}, 'data': {'photographs': 'holiday'}}

    Raises:
        OptionError: if a pair has no ``=``, or its key leads through what is no table.
    """
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise OptionError(f"{pair!r}: expected key=value")
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


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _read(path: Path, above: tuple[Path, ...]) -> Table:
    if path.resolve() in above:
        raise OptionError(f"{path}: extends itself")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise OptionError(f"{path}: cannot be read: {error.strerror}") from None
    base = data.pop("extends", None)
    if base is None:
        return data
    return merge(_read(path.parent / str(base), (*above, path.resolve())), data)


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return value if isinstance(value, hint) else build(hint, value, where)
    if hint is float and type(value) is int:
        return float(value)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise OptionError(f"{where}: {suggest(str(value), get_args(hint))}, got {value!r}")
        return value
    if get_origin(hint) is UnionType or hint is Any:
        return value  # the dataclass itself checks it
    if get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise OptionError(f"{where}: expected a table of settings, got {value!r}")
        inner = get_args(hint)[1]
        return {name: _value(inner, item, f"{where}.{name}") for name, item in value.items()}
    if get_origin(hint) is tuple and isinstance(value, (list, tuple)):
        inner, *more = get_args(hint)
        if more != [...] and len(value) != 1 + len(more):
            raise OptionError(f"{where}: expected {1 + len(more)} values, got {value!r}")
        return tuple(_value(inner, item, f"{where}[{index}]") for index, item in enumerate(value))
    plain = get_origin(hint) or hint
    if type(value) is not plain:
        names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false",
                 tuple: "a list"}  # fmt: skip
        raise OptionError(f"{where}: expected {names.get(plain, plain)}, got {value!r}")
    return value
