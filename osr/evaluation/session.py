"""One evaluation from start to end: check the folder, run what is missing, write the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from backends import get_backend
from osr import settings
from osr.datasets import Split
from osr.evaluation.columns import Column, check_names, grid, locate, validation_sets
from osr.evaluation.config import Config
from osr.evaluation.models import INPUT, baseline_models, network_model, object_model
from osr.evaluation.records import DESCRIPTION, Description, Row
from osr.evaluation.runner import plan, run
from osr.evaluation.statistics import Results, load
from osr.extras import require_extra
from osr.report.pictures import choose, save_pictures
from osr_core import __version__
from osr_core.backend import Network
from osr_core.errors import ImageError, OptionError
from osr_core.registry import default_model
from weights.external import load_network

StrPath = str | os.PathLike[str]
_ORDER = ("input", "network", "zero-shot", "baseline")


def evaluate(
    models: Sequence[str | tuple[str, Network]] = (),
    data: Sequence[str] = (),
    output: StrPath = "report",
    *,
    split: Split = "test",
    degradations: Sequence[str] = (),
    config: StrPath | None = None,
    recipe: StrPath | None = None,
    protocol: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
    baselines: bool | None = None,
    backend: str | None = None,
    device: str = "auto",
    precision: str = "float32",
    tile: int | None = None,
    max_pixels: int | None = None,
    on_row: Callable[[Row, int], object] = lambda row, total: None,
) -> Results:
    """Evaluate models on data sets: the OSR matrix, in a folder with a report.

    Sets of clean images get every degradation in turn; paired sets are evaluated as they are. An
    evaluation that was interrupted is resumed; models and columns can be added to it.

    Args:
        models: registered names, ``.safetensors`` files or ``zs-n2n``
            (:mod:`osr.evaluation.zero_shot`), ``LABEL=MODEL`` to name the row, or
            pairs of a label and a network, for instance of ``backends.reprogram``; by default
            those of ``config``, else the default model.
        data: data sets, ``NAME=PATH``, names that need no path, or folders. With ``config`` and
            ``recipe``, the folders of their sets.
        output: folder for the report.
        split: ``test`` or ``train``, of the data sets.
        degradations: such as ``noise:25`` or ``none``, of clean sets; by default
            :data:`~osr.evaluation.columns.DEFAULT_DEGRADATIONS`.
        config: TOML file of models and columns, see :mod:`osr.evaluation.config`.
        recipe: a training recipe: evaluates on the photographs of its validation split.
        protocol: such as ``y,crop=2``; by default the usual one of each column.
        limit: largest number of images per column.
        seed: of synthetic degradation; by default that of ``config``, else 0.
        baselines: whether to evaluate classical baselines on what they are meant for.
        backend: name of the framework.
        device: such as ``cuda:0``.
        precision: of the networks.
        tile: see :func:`osr_core.restore`.
        max_pixels: of an image, see :func:`osr.images.read`.
        on_row: called with each new row, and with how many there will be.

    Returns:
        All rows of the folder. ``description.skipped`` names the images that cannot be evaluated.

    Raises:
        OptionError: if an argument is invalid, or the folder holds an evaluation that was made
            with other options.
        ModelError: if there is no such model.
        ImageError: if a folder does not hold its data set, or a model fails on an image.
        PackageError: if the extra ``evaluation`` is not installed.
    """
    from osr.report import write_report

    require_extra("evaluation", "evaluation")
    saved = Config(()) if config is None else Config.load(config)
    if config is not None:
        if degradations or recipe is not None:
            other = "--degradation" if degradations else "--recipe"
            raise OptionError(f"{other}: cannot be combined with --config, which lists the columns")
        folders = {name: paths[-1] for name, paths in settings.folders(data).items()}
        columns = saved.columns(folders, protocol, limit)
    elif recipe is not None:
        columns = grid(
            validation_sets(recipe, settings.folders(data)), degradations, protocol, limit
        )
    elif data:
        columns = grid([locate(text, split) for text in data], degradations, protocol, limit)
    else:
        raise OptionError("no data: give --data NAME=PATH (see 'osr data list') or --config")
    check_names((column.name for column in columns), "column")
    columns = tuple(column.within(max_pixels) for column in columns)
    framework = get_backend(backend)
    read = partial(load_network, backend=framework.name, device=device, precision=precision)
    networks = [
        network_model(one, read, tile) if isinstance(one, str) else object_model(*one, tile)
        for one in models or saved.models or (default_model(),)
    ]
    with_baselines = saved.baselines if baselines is None else baselines
    rows = [INPUT, *networks, *(baseline_models() if with_baselines else ())]
    setting = Description(
        tuple(row for row in rows if any(row.fits(column) for column in columns)),
        columns,
        saved.seed if seed is None else seed,
        framework.name,
        precision,
        (f"osr {__version__}", f"{framework.name} {framework.version()}"),
    )
    results = fill(Path(output), setting, on_row)
    write_report(output)
    return results


def fill(
    folder: Path,
    setting: Description,
    on_row: Callable[[Row, int], object] = lambda row, total: None,
) -> Results:
    """Evaluate all models on all columns and save the rows and pictures that are missing."""
    models, columns = setting.models, setting.columns
    check_names((model.name for model in models), "model")
    _begin(folder, setting)
    jobs = plan(models, columns, folder)
    total = sum(len(job.models) for job in jobs)
    skipped = run(jobs, folder, setting.seed, lambda row: on_row(row, total))
    results = load(folder)
    if not results.rows and skipped:
        raise ImageError(skipped[0][1])
    chosen = choose(results, first_model(results))
    save_pictures(chosen, models, columns, folder, setting.seed)
    lines = dict(results.description.skipped)
    for column in columns:
        lines[column.name] = tuple(line for name, line in skipped if name == column.name)
    described = replace(results.description, pictures=tuple(chosen), skipped=lines)
    described.save(folder)
    return replace(results, description=described)


def first_model(results: Results) -> str:
    """The first network, by whose gain images are chosen; without one, the first row."""
    networks = [model.name for model in results.models if model.kind == "network"]
    return (networks or [model.name for model in results.models])[0]


def _begin(folder: Path, new: Description) -> None:
    """Make or check the folder, and write down what is to be evaluated."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / DESCRIPTION).exists():
            new = _merged(Description.load(folder), new, f"{folder}:")
        models = sorted(new.models, key=lambda model: _ORDER.index(model.kind))
        replace(new, models=tuple(models)).save(folder)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be written: {error.strerror}") from None


def _merged(old: Description, new: Description, where: str) -> Description:
    """Both together, what is in both as it is now."""
    _require_same(old, new, ("seed", "backend", "precision"), where)
    saved = [part.name for part in fields(Column) if part.compare]
    merged: dict[str, Any] = {}
    for kind, names in (("model", ["sha256"]), ("column", saved)):
        entries = {entry.name: entry for entry in getattr(old, f"{kind}s")}
        for entry in getattr(new, f"{kind}s"):
            before = entries.get(entry.name, entry)
            _require_same(before, entry, names, f"{where} {kind} {entry.name}")
            entries[entry.name] = entry
        merged[f"{kind}s"] = tuple(entries.values())
    return replace(
        new,
        **merged,
        software=tuple(dict.fromkeys((*old.software, *new.software))),
        skipped=old.skipped,
        pictures=old.pictures,
    )


def _require_same(old: object, new: object, names: Iterable[str], where: str) -> None:
    for name in names:
        before, now = getattr(old, name), getattr(new, name)
        if before != now:
            raise OptionError(
                f"{where} was evaluated with {name} {before}, not {now}; "
                "use the same, another label, or another folder"
            )
