"""Make the model cards, weights/files/*.md.

    python tools/make_cards.py                                  # from cards.toml and figures.csv
    python tools/make_cards.py --report MATRIX --report SCIKIT  # figures from these reports first

Reports are folders of ``osr evaluate``: MATRIX by ``--config recipes/matrix.toml``, SCIKIT by
``--data scikit-image``. Pictures are made by make_pictures.py.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from osr import settings
from osr.cli import run
from osr.evaluation.columns import Column
from osr.evaluation.statistics import NOTICEABLE, load
from osr.report.view import FILTERS, Cell, View
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError
from osr_core.registry import registry

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "weights" / "files"

Row = dict[str, Any]


@click.command(help=__doc__)
@click.option("--model", "models", multiple=True, help="Repeatable.  [default: all]")
@click.option("--report", "reports", multiple=True, help="Take the figures from it; repeatable.")
def main(models: tuple[str, ...], reports: tuple[str, ...]) -> None:
    """Figures first, then cards."""
    chosen = models or tuple(registry())
    table = read_figures(WEIGHTS / "figures.csv")
    if reports:
        views = [View(load(folder)) for folder in reports]
        fresh = [row for model in chosen for row in figures(model, views)]
        table = [row for row in table if row["model"] not in chosen] + fresh
        _write_figures(WEIGHTS / "figures.csv", table)
        table = read_figures(WEIGHTS / "figures.csv")  # with all of its fields
    for model in chosen:
        (WEIGHTS / f"{model}.md").write_text(render(model, table), "utf-8")


def read_figures(path: Path) -> list[Row]:
    """Rows of figures.csv: a model on a column, and its sums over seen and unseen columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def figures(model: str, reports: Sequence[View]) -> list[Row]:
    """What reports say of a model; sums are those of the first, the matrix."""
    rows = [
        _figures(model, column, view.cells.get((model, column.name)))
        for view in reports
        for column in view.columns
    ]
    sums = reports[0].figures[model]
    seen = {"state": "seen", "gain": f"{sums.seen.mean:.2f}"}
    unseen = {"state": "unseen", "gain": f"{sums.unseen.mean:.2f}"}
    unseen["worse"] = f"{100 * sums.harm_share:.0f}"
    rows += [{"column": f"all {row['state']}", **row} for row in (seen, unseen)]
    return [{"model": model, **row} for row in rows]


def render(model: str, table: list[Row]) -> str:
    """The text of a card."""
    cards = settings.load([WEIGHTS / "cards.toml"])
    entry = registry()[model]
    known = analyse(Checkpoint.load(entry.path).spec)
    rows = {row["column"]: row for row in table if row["model"] == model}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= FILTERS
    return environment.get_template("card.md.j2").render(
        name=model,
        card=cards[model],
        data=[cards["data"][name] for name in cards[model]["data"]],
        licence=entry.licence,
        size=f"{known.parameter_count:,} parameters, {known.macs_per_pixel:,.0f} MACs per pixel, "
        f"receptive field {known.receptive_field} pixels, float32.",
        seen=rows.pop("all seen"),
        unseen=rows.pop("all unseen"),
        rows=[row for row in rows.values() if not row["column"].startswith("scikit-image ")],
    )


def _figures(model: str, column: Column, cell: Cell | None) -> Row:
    count = 0 if cell is None else len(cell.gains)
    if cell is None or count != column.images:
        raise OptionError(f"{model}, {column.name}: {count} of {column.images} images")
    row: Row = {
        "column": column.name,
        "state": cell.state,
        "images": count,
        "protocol": column.protocol,
        "input": f"{cell.mean['input_psnr']:.2f}",
        "restored": f"{cell.mean['psnr']:.2f}",
        **{name: f"{cell.mean[name]:.4f}" for name in ("input_ssim", "ssim")},
        "worse": f"{100 * (cell.gains < -NOTICEABLE).mean():.0f}",
    }
    if cell.has_gain:
        gain = cell.gain
        row |= {"gain": f"{gain.mean:.2f}", "low": f"{gain.low:.2f}", "high": f"{gain.high:.2f}"}
    return row


def _write_figures(path: Path, table: list[Row]) -> None:
    names = "model column state images protocol input restored gain low high input_ssim ssim worse"
    order = {name: place for place, name in enumerate(registry())}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names.split(), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(table, key=lambda row: order.get(row["model"], len(order))))


if __name__ == "__main__":
    run(main)
