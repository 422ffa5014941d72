"""One evaluation from start to end: check the folder, run what is missing, write what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from osr.evaluation.candidates import Candidate
from osr.evaluation.columns import Column, check_names
from osr.evaluation.pictures import choose, save_pictures
from osr.evaluation.protocols import SSIM_VARIANT
from osr.evaluation.records import DESCRIPTION, ColumnEntry, Description, ModelEntry, Row
from osr.evaluation.runner import plan, run
from osr.evaluation.statistics import Results, load
from osr_core import __version__
from osr_core.errors import ImageError, OptionError

_Entry = TypeVar("_Entry", bound=ModelEntry | ColumnEntry)

_ORDER = ("untouched", "network", "baseline")


@dataclass(frozen=True)
class Setting:
    """What has to be the same wherever rows stand in one report."""

    seed: int = 0
    """Of synthetic degradation."""
    backend: str = ""
    """Name and version."""
    precision: str = "float32"


def evaluate(
    candidates: Sequence[Candidate],
    columns: Sequence[Column],
    folder: Path,
    setting: Setting = Setting(),
    on_plan: Callable[[int], object] | None = None,
    on_row: Callable[[Row], object] | None = None,
) -> Results:
    """Run all candidates on all columns and save rows and pictures, those that are missing.

    An evaluation that was stopped goes on; models and columns may be added to one that is there.

    Args:
        candidates: the rows of the matrix.
        columns: its columns.
        folder: see :mod:`osr.evaluation.records`.
        setting: in which all of it is done.
        on_plan: called with the number of rows to come.
        on_row: called with each row when it has been written.

    Raises:
        OptionError: if the folder holds an evaluation that does not go together with this one.
        ImageError: if an image cannot be read, degraded, restored, scored or written.
    """
    check_names((candidate.name for candidate in candidates), "model")
    _begin(candidates, columns, folder, setting)
    jobs = plan(candidates, columns, folder)
    if on_plan is not None:
        on_plan(sum(len(job.candidates) for job in jobs))
    run(jobs, folder, setting.seed, on_row)
    results = load(folder)
    chosen = choose(results, first_model(results))
    save_pictures(chosen, candidates, columns, folder, setting.seed)
    description = replace(results.description, pictures=chosen)
    description.save(folder)
    return replace(results, description=description)


def first_model(results: Results) -> str:
    """The first network, by whose gain images are chosen; without one, the first row."""
    networks = [model.name for model in results.models if model.kind == "network"]
    return (networks or [model.name for model in results.models])[0]


def _begin(
    candidates: Sequence[Candidate], columns: Sequence[Column], folder: Path, setting: Setting
) -> None:
    """Make or check the folder, and write down what is to be evaluated."""
    description = Description(
        _in_order(candidate.entry for candidate in candidates),
        [column.entry for column in columns],
        osr=__version__,
        ssim=SSIM_VARIANT,
        **asdict(setting),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / DESCRIPTION).exists():
            description = _merged(Description.load(folder), description, folder)
        description.save(folder)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be written: {error.strerror}") from None


def _merged(old: Description, new: Description, folder: Path) -> Description:
    """Both together, what is in both as it is now."""
    mend = "use the same, or another folder"
    for name in ("seed", "backend", "precision"):
        before, now = getattr(old, name), getattr(new, name)
        if before != now:
            raise OptionError(f"{folder}: was evaluated with {name} {before}, not {now}; {mend}")
    before_by_name = {entry.name: entry for entry in old.models}
    for entry in new.models:
        before = before_by_name.get(entry.name, entry)
        if before.sha256 != entry.sha256:
            raise OptionError(
                f"{folder}: model {entry.name} had other weights there; "
                f"give this one another label (NEW={entry.name}…), or choose another folder"
            )
    columns = {column.name: column for column in old.columns}
    for column in new.columns:
        if columns.get(column.name, column) != column:
            change = _differs(columns[column.name], column)
            raise OptionError(f"{folder}: column {column.name} was {change}; {mend}")
    return replace(
        new,
        models=_in_order(_union(old.models, new.models)),
        columns=_union(old.columns, new.columns),
        pictures=old.pictures,
    )


def _in_order(models: Iterable[ModelEntry]) -> list[ModelEntry]:
    return sorted(models, key=lambda entry: _ORDER.index(entry.kind))


def _differs(before: ColumnEntry, now: ColumnEntry) -> str:
    for name in ("images", "protocol", "degradation", "kind", "data"):
        if getattr(before, name) != getattr(now, name):
            return f"evaluated with {name} {getattr(before, name)}, not {getattr(now, name)}"
    return "evaluated differently"


def _union(old: Sequence[_Entry], new: Sequence[_Entry]) -> list[_Entry]:
    entries: dict[str, _Entry] = {entry.name: entry for entry in (*old, *new)}
    return list(entries.values())
