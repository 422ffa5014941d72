"""The published models: ``weights/files/registry.json`` and the files beside it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from osr_core.errors import ModelError
from osr_core.settings import suggest

# Installed and in a checkout alike, the data package is next to this one.
FOLDER = Path(__file__).resolve().parent.parent / "weights" / "files"

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Entry:
    """One published model, as ``registry.json`` lists it."""

    name: str
    file: str
    """File name in the folder of weights."""
    sha256: str
    summary: str
    """One line for a list of models."""
    licence: str

    @property
    def path(self) -> Path:
        """Of the weight file."""
        return FOLDER / self.file


@lru_cache(maxsize=1)
def registry() -> Mapping[str, Entry]:
    """Every published model by name, the default first."""
    entries = json.loads((FOLDER / "registry.json").read_text("utf-8"))
    return {data["name"]: Entry(**data) for data in entries}


def default_model() -> str:
    """Name of the model that is used where none is given."""
    return next(iter(registry()))


def find_weights(model: str | os.PathLike[str]) -> Path:
    """The weight file of a model, as :meth:`osr_core.Checkpoint.load` takes it; it is not read.

    Raises:
        ModelError: if there is no such model.
    """
    name = os.fspath(model)
    if name in registry():
        return registry()[name].path
    path = Path(name)
    for candidate in (path, Path(name + SUFFIX), path / f"model{SUFFIX}"):
        if os.path.isfile(candidate):
            if candidate.suffix != SUFFIX:
                raise ModelError(
                    f"model {name}: not a {SUFFIX} file; 'osr convert' reads .pth, .pt and .ckpt"
                )
            return candidate
    if os.path.isdir(path):
        raise ModelError(f"model {name}: a folder without model{SUFFIX}")
    if path.suffix == SUFFIX or len(path.parts) > 1:
        raise ModelError(f"model {name}: no such file")
    raise ModelError(f"model {name}: no such name or file; {suggest(name, registry())}")


def check_hash(model: str | os.PathLike[str]) -> None:
    """Check the SHA-256 of a registered model's file; other models have none to compare with.

    Raises:
        ModelError: if the file is another than the one that was published, or cannot be read.
    """
    entry = registry().get(os.fspath(model))
    if entry is None:
        return
    try:
        found = hashlib.sha256(entry.path.read_bytes()).hexdigest()
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
    else:
        reason = "" if found == entry.sha256 else "is corrupted"
    if reason:
        raise ModelError(f"model {entry.name}: its file {entry.path} {reason}; reinstall osr")
