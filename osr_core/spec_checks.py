"""Checks of :mod:`osr_core.spec`; each raises :class:`SpecError` with a message about the field."""

from __future__ import annotations

from typing import Any

from osr_core import settings
from osr_core.errors import SpecError


def require(condition: bool, where: str, expected: str, got: object) -> None:
    """The condition holds."""
    settings.require(condition, where, expected, got, SpecError)


def check(where: str, part: Any, **limits: tuple[int, int]) -> None:
    """Fields have the types of their annotations, and those with limits hold numbers within."""
    settings.check_types(part, where, SpecError)
    for name, (low, high) in limits.items():
        value = getattr(part, name)
        for number in value if isinstance(value, tuple) else (value,):
            require(low <= number <= high, f"{where}.{name}", f"{low} to {high}", number)
