"""``osr compare``: paired differences of two models, with confidence intervals."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from osr.cli import json_option
from osr.evaluation.comparison import Comparison
from osr.evaluation.comparison import compare as compare_models
from osr.evaluation.statistics import Interval


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("-r", "--report", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of 'osr evaluate' that holds both models A and B.")  # fmt: skip
@json_option
def compare(first: str, second: str, report: Path | None, as_json: bool) -> None:
    """Compare B with A on the images that both have restored, column by column.

    With --report, A and B are two of its models. Without it, each is the folder of a report, for
    its first model, or FOLDER:MODEL. Differences are those of B from A, with 95 % intervals; one
    whose interval contains zero is not significant.
    """
    comparison = compare_models(first, second, report)
    click.echo(json.dumps(asdict(comparison)) if as_json else _table(comparison))


def _table(comparison: Comparison) -> str:
    a, b = comparison.first, comparison.second
    names = (a, b) if a != b else ("A", "B")
    width = max(len(column.column) for column in comparison.columns)
    head = " ".join(f"{name:>12.12}" for name in names)
    lines = [f"{'':<{width}} images {head}   difference in dB (95 %)"]
    lines += [
        f"{column.column:<{width}} {column.images:>6} {column.first:12.2f} {column.second:12.2f}"
        f"   {_text(column.psnr)}{'' if column.significant else '  not significant'}"
        for column in comparison.columns
    ]
    if comparison.overall is not None:
        lines.append(f"{'mean over columns':<{width + 35}} {_text(comparison.overall)}")
    return "\n".join(lines)


def _text(interval: Interval) -> str:
    return f"{interval.mean:+6.2f} ({interval.low:+.2f} to {interval.high:+.2f})"
