"""Checks of :mod:`osr_core.spec`. Each raises :class:`SpecError`, which begins with the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from osr_core.errors import SpecError
from osr_core.settings import suggest


def build(where: str, part: type, data: Any) -> Any:
    """A dataclass of the spec from plain JSON values; what is missing has its default."""
    data = mapping(where, data)
    names = [field.name for field in fields(part)]
    for unknown in (key for key in data if key not in names):
        raise SpecError(f"{where}.{unknown}: unknown field of a spec; {suggest(unknown, names)}")
    return part(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


def mapping(where: str, data: Any) -> dict[str, Any]:
    """A copy of a JSON object."""
    require(isinstance(data, Mapping), where, "an object with named fields", data)
    return dict(data)


def check_types(where: str, part: Any) -> None:
    """Every field holds what its annotation says: int, bool, a Literal, or a tuple of ints."""
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
        else:
            whole = isinstance(value, tuple) and all(type(item) is int for item in value)
            require(whole, name, "a list of whole numbers", value)


def require_range(name: str, least: int, most: int, *values: int) -> None:
    """All values lie between the two, both included."""
    inside = all(least <= value <= most for value in values)
    require(inside, name, f"{least} to {most}", values if len(values) > 1 else values[0])


def require(condition: bool, name: str, expected: str, got: object) -> None:
    """The condition holds."""
    if not condition:
        raise SpecError(f"{name}: expected {expected}, got {got!r}")
