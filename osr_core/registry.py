"""The published models: ``weights/registry.json`` and the files beside it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from osr_core.errors import ModelError
from osr_core.settings import suggest

# Installed and in a checkout alike, the data package stands beside this one.
FOLDER = Path(__file__).resolve().parent.parent / "weights" / "files"


@dataclass(frozen=True)
class Entry:
    """One published model, as ``registry.json`` lists it."""

    name: str
    file: str
    """File name in the folder of weights."""
    sha256: str
    summary: str
    """One line for a list of models."""
    card: str
    """File name of its model card."""
    licence: str
    trained_on: Sequence[str]
    """Names of the data sets, and of the synthetic degradation."""
    spec: Mapping[str, Any]
    """The model spec, equal to that in the file."""
    figures: Sequence[Mapping[str, Any]]
    """Measured results, each with its data set and protocol."""

    @property
    def path(self) -> Path:
        """Where the weights are."""
        return FOLDER / self.file


@lru_cache(maxsize=1)
def registry() -> Mapping[str, Entry]:
    """Every published model by name, the default first."""
    entries = json.loads((FOLDER / "registry.json").read_text("utf-8"))
    return {data["name"]: Entry(**data) for data in entries}


def default_model() -> str:
    """Name of the model that is used where none is asked for."""
    return next(iter(registry()))


def find_weights(model: str | os.PathLike[str]) -> Path:
    """The weight file of a registered name or of a path.

    What looks like a path (has a suffix or a separator) is taken as one.

    Raises:
        ModelError: if there is no such model or file, or a published file is degraded.
    """
    name = os.fspath(model)
    entry = registry().get(name)
    if entry is not None:
        if not entry.path.is_file() or _sha256(entry.path) != entry.sha256:
            raise ModelError(f"model {name}: its file {entry.path} is corrupted; reinstall osr")
        return entry.path
    path = Path(name)
    if path.suffix == ".safetensors" or path.exists():
        if not path.is_file():
            raise ModelError(f"model {name}: no such file")
        if path.suffix != ".safetensors":
            raise ModelError(f"model {name}: not .safetensors; 'osr convert' makes one of it")
        return path
    raise ModelError(f"model {name}: no such name or file; {suggest(name, registry())}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
