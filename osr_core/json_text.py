"""JSON of files that may come from anyone: bounded before it becomes values.

Python's parser takes any depth up to its stack, integers of any length, and the last of several
equal keys. Here each of them is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

DEPTH = 64
"""Levels of lists and objects within each other. A model's provenance holds that of the models it
was trained from; that of osr-general, made of trained experts, has 15."""

_DIGITS = 20  # of a 64-bit integer


def parse_json(text: str | bytes, longest: int, depth: int = DEPTH) -> Any:
    """The value of a JSON text.

    Args:
        text: UTF-8.
        longest: characters or bytes that it may have.
        depth: levels that it may have.

    Raises:
        ValueError: with a short reason, if it is not JSON or exceeds a bound.

    >>> parse_json('{"a": [1, 2]}', 100)
    {'a': [1, 2]}
    >>> parse_json("[" * 90 + "]" * 90, 1000)
    Traceback (most recent call last):
    ValueError: nested more than 64 deep
    """
    if len(text) > longest:
        raise ValueError(f"longer than {longest:,} characters")
    try:
        value = json.loads(text, parse_int=_integer, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(f"nested more than {depth} deep") from None
    check_depth(value, depth)
    return value


def check_depth(value: object, depth: int = DEPTH) -> None:
    """Raise :class:`ValueError` if lists and mappings are nested deeper than that."""
    level: list[object] = [value]
    for _ in range(depth + 1):
        level = [item for each in level for item in _items(each)]
    if level:
        raise ValueError(f"nested more than {depth} deep")


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"an integer of {len(digits):,} digits")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a duplicate key")
    return found
