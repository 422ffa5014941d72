"""What is known of published models and of their training data: ``weights/files/cards.toml``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from osr_core.registry import FOLDER

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class DataSet:
    """Training data of a published model."""

    about: str
    licence: str
    free: bool
    """Whether a model trained on it may be used for any purpose, changed and passed on."""


@lru_cache(maxsize=1)
def cards() -> Mapping[str, Any]:
    """The tables of the file: one for each model, ``data`` and ``terms``."""
    table: Mapping[str, Any] = tomllib.loads((FOLDER / "cards.toml").read_text("utf-8"))
    return table


def training_data(model: str) -> tuple[DataSet, ...]:
    """The training data of a published model; empty for any other."""
    names = cards().get(model, {}).get("data", ())
    return tuple(DataSet(cards()["data"][n], **cards()["terms"][n]) for n in names)
