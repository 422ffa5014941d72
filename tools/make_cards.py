"""Make the model cards, weights/files/*.md.

    python tools/make_cards.py                                  # from cards.toml and figures.csv
    python tools/make_cards.py --report MATRIX --report SCIKIT  # figures from these reports first

Reports are folders of ``osr evaluate``: MATRIX by ``--config recipes/matrix.toml``, SCIKIT by
``--data scikit-image``. Pictures are made by make_pictures.py.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from osr.cli import run
from osr.evaluation.columns import Column
from osr.evaluation.statistics import CEILING, NOTICEABLE, Results, capped, interval, load
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError
from osr_core.registry import registry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
        results = [load(folder) for folder in reports]
        fresh = [row for model in chosen for row in figures(model, results)]
        table = [row for row in table if row["model"] not in chosen] + fresh
        _write_figures(WEIGHTS / "figures.csv", table)
    for model in chosen:
        (WEIGHTS / f"{model}.md").write_text(render(model, table), "utf-8")


def read_figures(path: Path) -> list[Row]:
    """Rows of figures.csv: a model on a column, and its sums over seen and unseen columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def figures(model: str, reports: Iterable[Results]) -> list[Row]:
    """What reports say of a model; sums are those of the first, the matrix."""
    reports = list(reports)
    rows = [_figures(model, results, column) for results in reports for column in results.columns]
    sums = reports[0].figures(model)
    seen = {"state": "seen", "gain": f"{sums.seen.mean:.2f}"}
    unseen = {"state": "unseen", "gain": f"{sums.unseen.mean:.2f}"}
    unseen["worse"] = f"{100 * sums.harm_share:.0f}"
    rows += [{"column": f"all {row['state']}", **row} for row in (seen, unseen)]
    return [{"model": model, **row} for row in rows]


def render(model: str, table: list[Row]) -> str:
    """The text of a card."""
    settings = tomllib.loads((WEIGHTS / "cards.toml").read_text("utf-8"))
    entry = registry()[model]
    known = analyse(Checkpoint.load(entry.path).spec)
    rows = {row["column"]: row for row in table if row["model"] == model}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters.update(signed=_signed, psnr=_psnr)
    return environment.get_template("card.md.j2").render(
        name=model,
        card=settings[model],
        data=[settings["data"][name] for name in settings[model]["data"]],
        licence=entry.licence,
        size=f"{known.parameter_count:,} parameters, {known.macs_per_pixel:,.0f} MACs per pixel, "
        f"receptive field {known.receptive_field} pixels, float32.",
        seen=rows.pop("all seen"),
        unseen=rows.pop("all unseen"),
        rows=[row for row in rows.values() if not row["column"].startswith("scikit-image ")],
    )


def _figures(model: str, results: Results, column: Column) -> Row:
    rows = results.cell(model, column.name)
    if len(rows) != column.images:
        raise OptionError(f"{model}, {column.name}: {len(rows)} of {column.images} images")
    means = {n: np.mean([getattr(row, n) for row in rows]) for n in ("input_ssim", "ssim")}
    row: Row = {
        "column": column.name,
        "state": results.state(model, column.name),
        "images": column.images,
        "protocol": column.protocol,
        "input": f"{capped([row.input_psnr for row in rows]).mean():.2f}",
        "restored": f"{capped([row.psnr for row in rows]).mean():.2f}",
        **{name: f"{mean:.4f}" for name, mean in means.items()},
        "worse": f"{100 * np.mean(results.gain(model, column.name) < -NOTICEABLE):.0f}",
    }
    if not column.clean:
        gain = interval(results.gain(model, column.name))
        row |= {"gain": f"{gain.mean:.2f}", "low": f"{gain.low:.2f}", "high": f"{gain.high:.2f}"}
    return row


def _write_figures(path: Path, table: list[Row]) -> None:
    names = "model column state images protocol input restored gain low high input_ssim ssim worse"
    order = {name: place for place, name in enumerate(registry())}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names.split(), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(table, key=lambda row: order.get(row["model"], len(order))))


def _signed(text: str) -> str:
    value = float(text) + 0.0  # no negative zero
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def _psnr(text: str) -> str:
    return f"≥ {CEILING:.0f}" if float(text) >= CEILING else text


if __name__ == "__main__":
    run(main)
