"""Checks of :mod:`osr_core.spec`. Each raises :class:`SpecError`, which begins with the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from osr_core.errors import SpecError
from osr_core.settings import suggest


def build(where: str, part: type, data: Any) -> Any:
    """A dataclass of the spec from plain JSON values; what is missing has its default."""
    data = mapping(where, data)
    names = [field.name for field in fields(part)]
    for unknown in (key for key in data if key not in names):
        raise SpecError(f"{where}.{unknown}: unknown field of a spec; {suggest(unknown, names)}")
    hints = get_type_hints(part)
    return part(**{k: _value(f"{where}.{k}", hints[k], v) for k, v in data.items()})


def _value(where: str, hint: Any, value: Any) -> Any:
    """Tuples for lists, dataclasses for objects where the annotation says so."""
    if isinstance(value, list):
        inner = get_args(hint)[0] if get_origin(hint) is tuple else None
        return tuple(_value(f"{where}[{i}]", inner, item) for i, item in enumerate(value))
    if isinstance(hint, type) and is_dataclass(hint) and not isinstance(value, hint):
        return build(where, hint, value)
    return value


def mapping(where: str, data: Any) -> dict[str, Any]:
    """A copy of a JSON object."""
    require(isinstance(data, Mapping), where, "an object with named fields", data)
    return dict(data)


def check_types(where: str, part: Any) -> None:
    """Every field holds what its annotation says: int, bool, a Literal, another part of the spec,
    or a tuple of ints or of such parts."""
    hints = get_type_hints(type(part))
    for field in fields(part):
        value, hint = getattr(part, field.name), hints[field.name]
        name = f"{where}.{field.name}"
        if hint is int:
            require(type(value) is int, name, "a whole number", value)
        elif hint is bool:
            require(isinstance(value, bool), name, "true or false", value)
        elif get_origin(hint) is Literal:
            options = get_args(hint)
            require(value in options, name, f"one of {', '.join(options)}", value)
        elif hint == int | None:
            require(value is None or type(value) is int, name, "a whole number or null", value)
        elif isinstance(hint, type):
            require(isinstance(value, hint), name, hint.__name__, value)
        else:
            inner = get_args(hint)[0]
            expected = "whole numbers" if inner is int else f"{inner.__name__}s"
            right = isinstance(value, tuple) and all(type(item) is inner for item in value)
            require(right, name, f"a list of {expected}", value)


def require_range(name: str, least: int, most: int, *values: int) -> None:
    """All values lie between the two, both included."""
    inside = all(least <= value <= most for value in values)
    require(inside, name, f"{least} to {most}", values if len(values) > 1 else values[0])


def require(condition: bool, name: str, expected: str, got: object) -> None:
    """The condition holds."""
    if not condition:
        raise SpecError(f"{name}: expected {expected}, got {got!r}")
