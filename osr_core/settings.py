"""Frozen dataclasses from plain values of TOML or JSON, with errors that name the key.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Blur:
...     sigma: float = 1.0
>>> build(Blur, {"sigma": 2}, "blur")
Blur(sigma=2.0)
>>> build(Blur, {"sigm": 2}, "blur")
Traceback (most recent call last):
osr_core.errors.OptionError: blur.sigm: unknown key; did you mean sigma?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from osr_core.errors import OptionError, OSRError, printable, quoted

T = TypeVar("T")
Error = type[OSRError]

MAX_TABLES = 1000
"""Longest list of tables, each of which takes time to check."""

_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def build(cls: type[T], data: Any, where: str, error: Error = OptionError) -> T:
    """The dataclass of plain values; what is missing has its default.

    Tables become dataclasses (of a union, the one whose ``kind`` the table names), lists tuples,
    and whole numbers floats where the annotations say so.

    Args:
        cls: the dataclass.
        data: a mapping.
        where: the key of ``data``, for messages; empty at the top.
        error: the class of errors.

    Raises:
        OSRError: of that class, naming a key that is unknown, missing or of the wrong type.
    """
    require(isinstance(data, Mapping), where or "settings", "a table", data, error)
    parts = fields(cls)  # type: ignore[arg-type]
    for key in data:
        if key not in [part.name for part in parts]:
            near = suggest(str(key), [part.name for part in parts])
            raise error(f"{_join(where, key)}: unknown key; {near}")
    for part in parts:
        optional = part.default is not MISSING or part.default_factory is not MISSING
        if part.name not in data and not optional:
            raise error(f"{_join(where, part.name)}: missing key")
    hints = get_type_hints(cls)
    return cls(**{k: _convert(hints[k], v, _join(where, k), error) for k, v in data.items()})


def check_types(part: Any, where: str, error: Error = OptionError) -> None:
    """Check that every field of a dataclass has the type of its annotation."""
    hints = get_type_hints(type(part))
    for field in fields(part):
        value, name = getattr(part, field.name), _join(where, field.name)
        converted = _convert(hints[field.name], value, name, error)
        require(type(converted) is type(value), name, f"a {type(converted).__name__}", value, error)


def require(
    condition: bool, where: str, expected: str, got: object, error: Error = OptionError
) -> None:
    """Raise ``WHERE: expected …, got …`` unless the condition holds."""
    if not condition:
        raise error(f"{where}: expected {expected}, got {quoted(got)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """``did you mean …?``, or all known names."""
    known = list(known)
    near = get_close_matches(name[:80], known, 1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"


def _join(where: str, key: object) -> str:
    name = printable(key)
    return f"{where}.{name}" if where else name


def _convert(hint: Any, value: Any, where: str, error: Error) -> Any:
    kind, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if kind is UnionType:
        return _member(inner, value, where, error)
    if is_dataclass(hint):
        return value if isinstance(value, hint) else build(hint, value, where, error)  # type: ignore
    if kind is Literal:
        if value not in inner:
            raise error(f"{where}: {suggest(str(value), inner)}, got {quoted(value)}")
        return value
    if kind is Mapping:
        require(isinstance(value, Mapping), where, "a table", value, error)
        return {k: _convert(inner[1], v, _join(where, k), error) for k, v in value.items()}
    if kind is tuple:
        require(isinstance(value, (list, tuple)), where, "a list", value, error)
        count = len(value) if inner[-1] is ... else len(inner)
        require(len(value) == count, where, f"{count} values", value, error)
        short = count <= MAX_TABLES or not is_dataclass(inner[0])
        require(short, where, f"at most {MAX_TABLES:,} tables", count, error)
        items = enumerate(value)
        return tuple(_convert(inner[0], item, f"{where}[{i}]", error) for i, item in items)
    if hint is float and type(value) is int and abs(value) < 2**1023:
        return float(value)
    require(type(value) is hint, where, _NAMES.get(hint, hint.__name__), value, error)
    return value


def _member(members: tuple[Any, ...], value: Any, where: str, error: Error) -> Any:
    """Of ``X | None`` or a union of dataclasses that differ by ``kind``."""
    if value is None and NoneType in members:
        return None
    members = tuple(member for member in members if member is not NoneType)
    if len(members) == 1:
        return _convert(members[0], value, where, error)
    if isinstance(value, members):
        return value
    require(isinstance(value, Mapping), where, "a table", value, error)
    rest, kinds = dict(value), {member.kind: member for member in members}
    kind = rest.pop("kind", None)
    require(kind in list(kinds), _join(where, "kind"), f"one of {', '.join(kinds)}", kind, error)
    return build(kinds[kind], rest, where, error)
