"""The files of an evaluation: ``evaluation.json`` and ``results.csv``.

The first says what was evaluated, the second has one row for each model, column and image. Every
figure of a report is computed from these two.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from osr.evaluation.columns import Column
from osr.evaluation.models import Model
from osr_core.errors import OptionError, quoted
from osr_core.files import TEXT_BYTES, atomic_write, read_bounded
from osr_core.json_text import parse_json
from osr_core.settings import build

DESCRIPTION, RESULTS = "evaluation.json", "results.csv"
_RESULTS_BYTES = 2**30
VERSION = 2
"""Version of ``evaluation.json``; a reader refuses any other."""


@dataclass(frozen=True)
class Description:
    """The content of ``evaluation.json``."""

    models: tuple[Model, ...]
    columns: tuple[Column, ...]
    seed: int = 0
    backend: str = ""
    precision: str = "float32"
    software: tuple[str, ...] = ()
    """Names and versions of what computed the rows."""
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By column, a line for each image that could not be evaluated."""
    pictures: tuple[Mapping[str, str], ...] = ()
    """Images that are shown: column, image, rank (worst, median or best) and folder."""

    @property
    def skipped_images(self) -> list[str]:
        """The lines of :attr:`skipped`, of all columns."""
        return [line for lines in self.skipped.values() for line in lines]

    def save(self, folder: Path) -> None:
        """Write ``evaluation.json``, atomically."""
        data = {"version": VERSION, **_saved(self)}
        for key in ("models", "columns"):
            data[key] = [_saved(entry) for entry in data[key]]
        with atomic_write(folder / DESCRIPTION) as temporary:
            temporary.write_text(json.dumps(data, indent=1, default=list) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Description:
        """Read a folder's ``evaluation.json``; :class:`OptionError` if there is none."""
        path = Path(folder) / DESCRIPTION
        try:
            data = parse_json(read_bounded(path), TEXT_BYTES)
        except FileNotFoundError:
            raise OptionError(f"{folder}: holds no evaluation ({DESCRIPTION})") from None
        except ValueError as error:
            raise OptionError(f"{path}: not the description of an evaluation: {error}") from None
        except OSError as error:
            raise OptionError(f"{path}: cannot be read: {error.strerror}") from None
        if not isinstance(data, dict) or data.pop("version", None) != VERSION:
            raise OptionError(f"{path}: written by another version of osr; evaluate again")
        description = build(cls, data, str(path))
        for place in (picture.get("folder", "") for picture in description.pictures):
            if ".." in Path(place).parts or Path(place).is_absolute():
                raise OptionError(f"{path}: {quoted(place)} leads out of its folder")
        return description


@dataclass(frozen=True)
class Row:
    """One model on one image."""

    model: str
    column: str
    image: str
    input_psnr: float
    """In dB; infinite for equal images."""
    psnr: float
    input_ssim: float
    ssim: float
    width: int
    height: int
    seconds: float
    """Duration of the restoration."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Unique among the rows."""
        return self.model, self.column, self.image


_TYPES = get_type_hints(Row)

_NAME_LENGTH = 4096
"""Longest name; the limit of the csv module belongs to the process, where others may raise it."""


def read_rows(folder: str | os.PathLike[str]) -> list[Row]:
    """The rows of a folder; an incomplete last line is ignored."""
    path = Path(folder) / RESULTS
    if not path.exists():
        return []
    try:
        text = read_bounded(path, _RESULTS_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise OptionError(f"{path}: cannot be read: {error.strerror}") from None
    reader = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
    rows = {}
    try:
        if reader.fieldnames not in (None, [*_TYPES]):
            raise OptionError(f"{path}: not the results of an evaluation; choose another folder")
        for line in reader:
            row = Row(**{name: kind(line[name]) for name, kind in _TYPES.items()})
            if max(map(len, row.key)) > _NAME_LENGTH:
                raise ValueError
            rows[row.key] = row
    except (TypeError, ValueError, csv.Error):
        raise OptionError(f"{path}: line {reader.line_num} is not a row; remove it") from None
    return list(rows.values())


@contextmanager
def open_rows(folder: Path) -> Iterator[Callable[[Row], None]]:
    """A function that appends rows to ``results.csv``, each on the disk before the next one."""
    path = folder / RESULTS
    with path.open("a+", encoding="utf-8", newline="") as file:
        content = path.read_bytes()
        file.truncate(content.rfind(b"\n") + 1)  # an interrupted run's incomplete last line
        writer = csv.writer(file, lineterminator="\n")
        if b"\n" not in content:
            writer.writerow(_TYPES)

        def write(row: Row) -> None:
            writer.writerow(f"{v:.6f}" if isinstance(v, float) else v for v in astuple(row))
            file.flush()

        yield write


def _saved(entry: Any) -> dict[str, Any]:
    """The fields of a dataclass that are saved."""
    return {part.name: getattr(entry, part.name) for part in fields(entry) if part.compare}
