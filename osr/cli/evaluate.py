"""``osr evaluate``: the OSR matrix of models on data sets, as a folder with a report."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count, product
from pathlib import Path
from typing import Any

import click

from osr.cli import fail, options
from osr.cli.output import print_json, progress_bar, table
from osr.evaluation.columns import DEFAULT_DEGRADATIONS
from osr.evaluation.records import Row
from osr.evaluation.session import evaluate as run_evaluation
from osr.evaluation.statistics import NOTICEABLE
from osr.report.view import View, percent, signed
from osr_core.errors import OptionError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--model", "models", multiple=True, metavar="[LABEL=]MODEL", help="Registered "
              "name, weight file or run folder, or zs-n2n, fitted to each image (repeatable).  "
              "[default: osr-general]")  # fmt: skip
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
@options.backend
@options.device
@options.precision
@options.tile
@options.max_pixels
@options.model_limit
@options.json
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
    with progress_bar(hidden=as_json) as show:
        number = count(1)

        def on_row(row: Row, total: int) -> None:
            show(next(number), total, f"{row.model}, {row.column}")

        results = run_evaluation(output=output, recipe=recipe, on_row=on_row, **options)
    view, skipped = View(results), results.description.skipped_images
    for line in skipped:
        fail(f"skipped: {line}")
    page = str(output / "report.html")
    if as_json:
        print_json({"report": page, **_figures(view), "skipped": skipped})
    else:
        click.echo(f"{_table(view)}\n{page}")
    return 1 if skipped else 0


def _figures(view: View) -> dict[str, Any]:
    columns: dict[str, dict[str, float]] = {column.name: {} for column in view.columns}
    for model, column in product(view.figures, columns):
        if len(gains := view.results.gain(model, column)):
            columns[column][model] = float(gains.mean())
    return {"models": {n: asdict(f) for n, f in view.figures.items()}, "columns": columns}


def _table(view: View) -> str:
    rows = [("", "seen", "unseen", "harm")]
    for model, known in view.figures.items():
        harm = "–"
        if known.unseen_images:
            harm = f"{percent(known.harm_share)} of unseen images lose over {NOTICEABLE} dB"
        rows.append((model, signed(known.seen.mean), signed(known.unseen.mean), harm))
    return table(rows)
