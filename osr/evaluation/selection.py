"""A saved selection: models and exact columns in a TOML file.

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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from osr.datasets import find
from osr.evaluation.columns import Column, Data, check_names, locate, make_column
from osr_core import settings
from osr_core.errors import OptionError


@dataclass(frozen=True)
class ColumnChoice:
    """A ``[[column]]``; see :func:`osr.evaluation.columns.make_column`."""

    data: str
    path: str = ""
    degradation: str = ""
    protocol: str = ""
    name: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Selection:
    """The content of a selection file."""

    column: list[Any]
    """Its :class:`ColumnChoice` objects."""
    models: list[str] = field(default_factory=list)
    seed: int = 0
    limit: int = 0
    """Largest number of images per column; 0 for all."""
    baselines: bool = True

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Selection:
        """Read a file; raises :class:`OptionError`, naming the file and the key."""
        selection = settings.build(cls, settings.load([path]), str(path))
        folder = Path(path).parent
        choices = []
        for number, column in enumerate(selection.column, 1):
            choice = settings.build(ColumnChoice, column, f"{path}: column {number}")
            where = choice.path and str(folder / Path(choice.path).expanduser())
            choices.append(replace(choice, data=find(choice.data).name, path=where))
        if not choices:
            raise OptionError(f"{path}: names no [[column]]")
        models = [_model(model, folder) for model in selection.models]
        return replace(selection, column=choices, models=models)

    def columns(
        self, folders: Mapping[str, str], protocol: str | None = None, limit: int | None = None
    ) -> tuple[Column, ...]:
        """The columns of the file.

        Args:
            folders: folder by name of data set, in place of those of the file.
            protocol: in place of those of the file.
            limit: in place of that of the file.

        Raises:
            OptionError: if a folder belongs to no column, or a degradation does not fit its set.
            ImageError: if a folder does not hold its set.
        """
        given = {find(name).name: path for name, path in folders.items()}
        unused = given.keys() - {choice.data for choice in self.column}
        if unused:
            raise OptionError(f"data set {min(unused)}: in no [[column]] of the selection")
        found: dict[str, Data] = {}
        columns = []
        for choice in self.column:
            path = given.get(choice.data, choice.path)
            where = f"{choice.data}={path}" if path else choice.data
            data = found.setdefault(where, found.get(where) or locate(where))
            columns.append(
                make_column(
                    data,
                    choice.degradation or None,
                    protocol or choice.protocol or None,
                    limit or self.limit or None,
                    choice.name or None,
                    choice.kind or None,
                )
            )
        check_names((column.name for column in columns), "column")
        return tuple(columns)


def _model(model: str, folder: Path) -> str:
    label, equals, name = model.rpartition("=")
    path = folder / Path(name).expanduser()
    return f"{label}{equals}{path}" if path.is_file() else model
