"""``osr evaluate``: the OSR matrix of models on data sets, as a folder with a report."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from osr.cli import backend_option, device_option, fail, json_option
from osr.evaluation.columns import DEFAULT_DEGRADATIONS
from osr.evaluation.records import Row
from osr.evaluation.session import evaluate as run_evaluation
from osr.evaluation.statistics import NOTICEABLE, Results
from osr.report.text import percent, signed
from osr_core.backend import PRECISIONS
from osr_core.errors import OptionError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--model", "models", multiple=True, metavar="[LABEL=]MODEL", help="Registered "
              "name, weight file or run folder (repeatable).  [default: osr-general]")  # fmt: skip
@click.option("--data", multiple=True, metavar="NAME=PATH", help="Data set ('osr data list') and "
              "its folder, or a folder alone (repeatable).")  # fmt: skip
@click.option("--degradation", "degradations", multiple=True, metavar="SPEC",
              help="Degradation applied to clean data sets (repeatable); none leaves them clean.  "
              f"[default: {', '.join(DEFAULT_DEGRADATIONS)}]")  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False),
              help="Output folder; an existing evaluation is resumed.")  # fmt: skip
@click.option("--config", type=_FILE, help="TOML file listing models and columns; --data then "
              "gives the folders of its data sets.")  # fmt: skip
@click.option("--split", type=click.Choice(["test", "train", "val"]), default="test",
              show_default=True, help="Split of the data sets; val needs --recipe.")  # fmt: skip
@click.option("--recipe", type=_FILE, help="Training recipe whose validation split is evaluated "
              "with --split val; --data gives the folders of its data sets.")  # fmt: skip
@click.option("--protocol", help="For example y,crop=2.  [default: the data set's usual protocol]")
@click.option("--limit", type=click.IntRange(1), help="Images per column.  [default: all]")
@click.option("--seed", type=click.IntRange(0), help="Seed of synthetic degradation.  [default: 0]")
@click.option("--baselines/--no-baselines", default=None, help="Also evaluate classical baselines "
              "on the degradations they are meant for.  [default: yes]")  # fmt: skip
@backend_option
@device_option
@click.option("--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True)
@click.option("--tile", type=int, help="Largest side of a tile in pixels; 0: no tiles.")
@json_option
def evaluate(output: Path, split: str, recipe: Path | None, as_json: bool, **options: Any) -> int:
    """Evaluate models on data sets and write the report to -o.

    Clean data sets are evaluated with every --degradation; data sets with degraded images are
    evaluated as they are. Gains are reported separately for degradations that a model was trained
    on, as its checkpoint says, and for others. Exit status 1 if images were skipped.
    """
    if (split == "val") != (recipe is not None):
        raise OptionError("--split val and --recipe RECIPE: give both, or neither")
    if split != "val":
        options["split"] = split
    with tqdm(unit="image", disable=as_json or None) as bar:

        def show(row: Row, total: int) -> None:
            bar.total = total
            bar.set_description(f"{row.model}, {row.column}", refresh=False)
            bar.update()

        results = run_evaluation(output=output, recipe=recipe, on_row=show, **options)
    for line in results.description.skipped_images:
        fail(f"skipped: {line}")
    page = str(output / "report.html")
    click.echo(_json(results, page) if as_json else _table(results, page))
    return 1 if results.description.skipped_images else 0


def _json(results: Results, page: str) -> str:
    models = [model.name for model in results.models if model.kind != "input"]
    data = {
        "report": page,
        "models": {model: asdict(results.figures(model)) for model in models},
        "columns": {
            column.name: {
                model: float(results.gain(model, column.name).mean())
                for model in models
                if results.cell(model, column.name)
            }
            for column in results.columns
        },
        "skipped": results.description.skipped_images,
    }
    # JSON has no number for "not a number".
    return json.dumps(json.loads(json.dumps(data), parse_constant=lambda name: None))


def _table(results: Results, page: str) -> str:
    lines = [f"{'':<24} {'seen':>8} {'unseen':>8}   harm"]
    for model in results.models:
        if model.kind == "input":
            continue
        known = results.figures(model.name)
        harm = "–"
        if known.unseen_images:
            harm = f"{percent(known.harm_share)} of unseen images lose over {NOTICEABLE} dB"
        seen, unseen = signed(known.seen.mean), signed(known.unseen.mean)
        lines.append(f"{model.name:<24} {seen:>8} {unseen:>8}   {harm}")
    return "\n".join([*lines, page])
