"""``osr evaluate``: the OSR matrix of models on data sets, as a folder with a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from backends import get_backend
from osr.cli import backend_option
from osr.evaluation.candidates import (
    UNTOUCHED,
    baseline_candidates,
    network_candidate,
    split_label,
)
from osr.evaluation.columns import DEFAULT_DEGRADATION, Column, grid, locate
from osr.evaluation.pictures import save_wave
from osr.evaluation.records import Row
from osr.evaluation.selection import Selection
from osr.evaluation.session import Setting
from osr.evaluation.session import evaluate as evaluate_all
from osr.evaluation.statistics import NOTICEABLE, OSRFigures, Results
from osr_core.backend import PRECISIONS
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError
from osr_core.registry import default_model, find_weights


@click.command()
@click.option(
    "--model", "models", multiple=True, metavar="[LABEL=]MODEL",
    help="Registered name or .safetensors file; may come several times.  [default: the first "
    "model]",
)  # fmt: skip
@click.option(
    "--data", "data", multiple=True, metavar="NAME=PATH",
    help="A data set ('osr data list') and its folder, or just a folder.",
)  # fmt: skip
@click.option(
    "--degradation", "degradations", multiple=True, metavar="KIND:LEVEL",
    help=f"What is done to sets of clear images; none leaves them clean.  "
    f"[default: {', '.join(DEFAULT_DEGRADATION)}]",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the report; one that was begun goes on.",
)  # fmt: skip
@click.option(
    "--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Saved selection of models and columns (TOML); --data then gives folders.",
)  # fmt: skip
@click.option("--protocol", help="For instance y,crop=2.  [default: what is customary]")
@click.option("--limit", type=click.IntRange(1), help="Images per column.  [default: all]")
@click.option("--seed", type=click.IntRange(0), help="Of synthetic degradation.  [default: 0]")
@click.option(
    "--baselines/--no-baselines", default=None,
    help="Classical methods as rows where they are meant for.  [default: yes]",
)  # fmt: skip
@backend_option
@click.option("--device", default="auto", show_default=True, help="cpu, cuda[:i] or ascend[:i].")
@click.option("--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True)
@click.option("--tile", type=int, help="Largest side of a window in pixels; 0: whole images.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(
    models: tuple[str, ...],
    data: tuple[str, ...],
    degradations: tuple[str, ...],
    output: Path,
    recipe: Path | None,
    protocol: str | None,
    limit: int | None,
    seed: int | None,
    baselines: bool | None,
    backend: str | None,
    device: str,
    precision: str,
    tile: int | None,
    as_json: bool,
) -> None:
    """Evaluate models on data sets and write the report to -o.

    Sets of clear images get each --degradation in turn; sets that bring degraded images are taken as
    they are. Gains are told apart by whether a model was trained on that kind of degradation, which its
    checkpoint knows.
    """
    saved = Selection.load(recipe) if recipe is not None else None
    columns = _columns(saved, data, degradations, protocol, limit)
    chosen = models or tuple(saved.models if saved is not None else ()) or (default_model(),)
    with_baselines = baselines if baselines is not None else saved is None or saved.baselines
    seed = seed if seed is not None else saved.seed if saved is not None else 0
    module = get_backend(backend)
    load = partial(module.load, device=device, precision=precision)
    candidates = [
        UNTOUCHED,
        *(network_candidate(model, load, tile) for model in chosen),
        *(baseline_candidates() if with_baselines else ()),
    ]
    candidates = [c for c in candidates if any(c.fits(column) for column in columns)]
    setting = Setting(seed, f"{module.name} {module.version()}", precision)
    with tqdm(unit="image", disable=as_json or None) as bar:

        def show(row: Row) -> None:
            bar.set_description(f"{row.model}, {row.column}", refresh=False)
            bar.update()

        results = evaluate_all(candidates, columns, output, setting, bar.reset, show)
    _save_waves(results, chosen, columns, output, seed)
    notes = _report(output)
    _print(results, output, notes, as_json)


def _columns(
    saved: Selection | None,
    data: Sequence[str],
    degradations: Sequence[str],
    protocol: str | None,
    limit: int | None,
) -> tuple[Column, ...]:
    if saved is None:
        if not data:
            raise OptionError("no data: give --data NAME=PATH (see 'osr data list') or --recipe")
        return grid([locate(text) for text in data], degradations, protocol, limit)
    if degradations:
        raise OptionError("--degradation and --recipe: the recipe names the degradation of each column")
    for text in data:
        if "=" not in text:
            raise OptionError(f"--data {text}: expected NAME=PATH beside --recipe")
    pairs = (text.partition("=") for text in data)
    return saved.columns({name: path for name, _, path in pairs}, protocol, limit)


def _save_waves(
    results: Results, models: Sequence[str], columns: Sequence[Column], folder: Path, seed: int
) -> None:
    """What the first reprogrammed model makes of one image of each column, the median."""
    shown = {picture["column"]: picture for picture in results.description.pictures}
    shown |= {p["column"]: p for p in results.description.pictures if p["rank"] == "median"}
    for model in models:
        checkpoint = Checkpoint.load(find_weights(split_label(model)[1]))
        if checkpoint.spec.makes_waves:
            for picture in shown.values():
                save_wave(checkpoint, picture, columns, folder, seed)
            return


def _report(folder: Path) -> list[str]:
    from osr.report import write_report

    return write_report(folder)


def _print(results: Results, folder: Path, notes: Sequence[str], as_json: bool) -> None:
    rows = [model for model in results.models if model.kind != "untouched"]
    figures = {model.name: results.osr_figures(model) for model in rows}
    if as_json:
        data = {
            "report": str(folder / "report.html"),
            "models": {name: asdict(figure) for name, figure in figures.items()},
            "columns": {
                column.name: {
                    model.name: round(float(results.gain(model, column).mean()), 4)
                    for model in rows
                    if results.cell(model, column)
                }
                for column in results.columns
            },
        }
        click.echo(json.dumps(_plain(data)))
        return
    click.echo(f"{'':<24} {'seen':>8} {'unseen':>8}   harm")
    for name, known in figures.items():
        gains = f"{_decibels(known.seen_gain)} {_decibels(known.unseen_gain)}"
        click.echo(f"{name:<24} {gains}   {_harm(known)}")
    for note in notes:
        click.echo(note)
    click.echo(f"{folder / 'report.html'}")


def _harm(known: OSRFigures) -> str:
    if not known.unseen_images:
        return "–"
    loss = f", {known.harm_loss:.1f} dB on average" if known.harm_share else ""
    return f"{known.harm_share:.0%} of unseen images lose over {NOTICEABLE} dB{loss}"


def _decibels(value: float) -> str:
    return f"{'–':>8}" if value != value else f"{value:+8.2f}"


def _plain(data: Any) -> Any:
    """JSON has no number for "not a number"."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    return None if isinstance(data, float) and data != data else data
