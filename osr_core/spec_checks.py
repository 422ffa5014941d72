"""Checks of :mod:`osr_core.spec`; each raises :class:`SpecError` with a message about the field."""

from __future__ import annotations

from typing import Any

from osr_core import settings
from osr_core.errors import SpecError


def check_types(where: str, part: Any) -> None:
    """Every field has the type of its annotation."""
    settings.check_types(part, where, SpecError)


def require(condition: bool, where: str, expected: str, got: object) -> None:
    """The condition holds."""
    settings.require(condition, where, expected, got, SpecError)


def require_range(where: str, low: int, high: int, *values: int) -> None:
    """All values are in [low, high]."""
    for value in values:
        require(low <= value <= high, where, f"{low} to {high}", value)
