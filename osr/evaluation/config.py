"""A saved evaluation: models and columns in a TOML file, for ``osr evaluate --config``.

    models = ["osr-general", "plain=runs/plain/model.safetensors"]
    limit = 20

    [[column]]
    data = "cbsd68"
    path = "../data/CBSD68"
    degradation = "noise:25"

    [[column]]
    data = "rain100l"           # its folder is given on the command line
    protocol = "rgb"

Paths are relative to the file's own folder; what is no file there is the name of a model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from osr import settings
from osr.datasets import find
from osr.evaluation.columns import Column, locate, make_column
from osr_core.errors import OptionError
from osr_core.settings import build


@dataclass(frozen=True)
class ColumnConfig:
    """A ``[[column]]``; see :func:`osr.evaluation.columns.make_column`."""

    data: str
    path: str = ""
    degradation: str | None = None
    protocol: str | None = None
    name: str | None = None
    kind: str | None = None
    limit: int | None = None
    """Largest number of images, in place of the one of the file."""


@dataclass(frozen=True)
class Config:
    """The content of a configuration file."""

    column: tuple[ColumnConfig, ...]
    models: tuple[str, ...] = ()
    seed: int = 0
    limit: int | None = None
    """Largest number of images per column."""
    baselines: bool = True

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Config:
        """Read a file; raises :class:`OptionError`, naming the file and the key."""
        config = build(cls, settings.load([path]), str(path))
        if not config.column:
            raise OptionError(f"{path}: has no [[column]]")
        folder = Path(path).parent
        columns = tuple(
            replace(one, data=find(one.data).name, path=one.path and _below(folder, one.path))
            for one in config.column
        )
        models = tuple(_model(model, folder) for model in config.models)
        return replace(config, column=columns, models=models)

    def columns(
        self, folders: Mapping[str, str], protocol: str | None = None, limit: int | None = None
    ) -> tuple[Column, ...]:
        """The columns of the file, with other folders (by data set), protocol or limit if given."""
        given = {find(name).name: path for name, path in folders.items()}
        unused = given.keys() - {one.data for one in self.column}
        if unused:
            raise OptionError(f"data set {min(unused)}: in no [[column]] of the configuration")
        read = lru_cache(locate)
        columns = []
        for one in self.column:
            path = given.get(one.data, one.path)
            data, found = read(f"{one.data}={path}" if path else one.data)
            how, most = protocol or one.protocol, limit or one.limit or self.limit
            columns.append(make_column(data, found, one.degradation, how, most, one.name, one.kind))
        return tuple(columns)


def _below(folder: Path, path: str) -> str:
    return str(folder / Path(path).expanduser())


def _model(model: str, folder: Path) -> str:
    label, equals, name = model.rpartition("=")
    path = _below(folder, name)
    return f"{label}{equals}{path}" if os.path.isfile(path) else model
