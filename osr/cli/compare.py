"""``osr compare``: is the difference between two models anything?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from osr.evaluation.comparison import Comparison
from osr.evaluation.comparison import compare as compare_models
from osr.evaluation.session import first_model
from osr.evaluation.statistics import Interval, Results, load
from osr_core.errors import OptionError


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "-r", "--report", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of 'osr evaluate' that holds both models A and B.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def compare(first: str, second: str, report: Path | None, as_json: bool) -> None:
    """Compare B to A on the images that both have restored, column by column.

    With --report, A and B are two of its models. Without it, each is the folder of a report, for
    its first model, or FOLDER:MODEL. Differences are those of B from A, with 95 % intervals; one
    whose interval holds zero is undecided.
    """
    (results, a), (others, b) = (_find(text, report) for text in (first, second))
    comparison = compare_models(results, a, others, b)
    if as_json:
        click.echo(json.dumps(_as_data(comparison, a, b)))
        return
    width = max(len(column.column) for column in comparison.columns)
    names = (a, b) if a != b else ("A", "B")
    head = " ".join(f"{name:>12.12}" for name in names)
    click.echo(f"{'':<{width}} images {head}   difference in dB (95 %)")
    for column in comparison.columns:
        click.echo(
            f"{column.column:<{width}} {column.images:>6} {column.first:12.2f} "
            f"{column.second:12.2f}   {_text(column.psnr)}  {'' if column.decided else 'undecided'}"
        )
    if comparison.overall.mean == comparison.overall.mean:
        click.echo(f"{'mean over columns':<{width + 35}} {_text(comparison.overall)}")


def _find(text: str, report: Path | None) -> tuple[Results, str]:
    """The report and the model that an argument names."""
    if report is not None:
        return load(report), text
    if Path(text).is_dir():
        results = load(text)
        return results, first_model(results)
    folder, colon, model = text.rpartition(":")
    if not colon or not Path(folder).is_dir():
        raise OptionError(f"{text}: no such report; give its folder, or --report for a model")
    return load(folder), model


def _text(interval: Interval) -> str:
    return f"{interval.mean:+6.2f} ({interval.low:+.2f} to {interval.high:+.2f})"


def _as_data(comparison: Comparison, a: str, b: str) -> dict[str, object]:
    def plain(interval: Interval) -> dict[str, float] | None:
        known = interval.mean == interval.mean
        return {name: round(v, 6) for name, v in interval._asdict().items()} if known else None

    return {
        "first": a,
        "second": b,
        "columns": [
            {
                "column": column.column,
                "images": column.images,
                "first": column.first,
                "second": column.second,
                "psnr": plain(column.psnr),
                "ssim": plain(column.ssim),
                "better": column.better,
                "decided": column.decided,
            }
            for column in comparison.columns
        ],
        "overall": plain(comparison.overall),
    }
