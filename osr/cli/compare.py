"""``osr compare``: paired differences of two models, with confidence intervals."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from osr.cli import options
from osr.cli.output import print_json, table
from osr.evaluation.comparison import compare as compare_models
from osr.report.view import ends, signed


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("-r", "--report", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of 'osr evaluate' that holds both models A and B.")  # fmt: skip
@options.json
def compare(first: str, second: str, report: Path | None, as_json: bool) -> None:
    """Compare B with A on the images that both have restored, column by column.

    With --report, A and B are two of its models. Without it, each is the folder of a report, for
    its first model, or FOLDER:MODEL. Differences are those of B from A, with 95 % intervals; one
    whose interval contains zero is not significant.
    """
    found = compare_models(first, second, report)
    if as_json:
        print_json(asdict(found))
        return
    names = (found.first, found.second) if found.first != found.second else ("A", "B")
    rows = [("", "images", *names, "difference in dB (95 %)")]
    for each in found.columns:
        verdict = "" if each.significant else "  not significant"
        means = f"{each.first:.2f}", f"{each.second:.2f}"
        gain = f"{signed(each.psnr.mean)} ({ends(each.psnr)}){verdict}"
        rows.append((each.column, str(each.images), *means, gain))
    if mean := found.overall:
        rows.append(("mean over columns", "", "", "", f"{signed(mean.mean)} ({ends(mean)})"))
    click.echo(table(rows))
