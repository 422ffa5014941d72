"""Fill the tables of the model cards, and the registry, from reports of `osr evaluate`.

    python tools/make_card_tables.py MATRIX SCIKIT_IMAGE [--model NAME ...]

MATRIX is the folder of an evaluation by `recipes/matrix.toml`, SCIKIT_IMAGE of one with `--data
scikit-image`. A card must have its table, and the sentence that sums it up, already.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import numpy as np

from osr.cli import run
from osr.evaluation.records import ColumnEntry
from osr.evaluation.statistics import CEILING, NOTICEABLE, Results, capped, interval, load
from osr.report.markdown import table
from osr.report.markup import signed
from osr_core.errors import OptionError
from osr_core.files import atomic_write
from osr_core.registry import FOLDER

HEAD = ("degradation", "trained on it", "protocol", "input dB", "restored dB", "gain, 95 % interval",
        "input SSIM", "restored SSIM", "worse")  # fmt: skip
STATES = {"seen": "yes", "unseen": "**no**", "clean": "–", "unknown": "?"}
TABLE = re.compile(r"\| degradation \|.*?\n(?=\n)", re.DOTALL)
SUM = re.compile(
    r"(matrix\.toml\): )\S+( dB; on degradation that it never saw: )\S+( dB, )\d+( %\s+of\s+those)"
)


@click.command(help=__doc__)
@click.argument("matrix", type=click.Path(exists=True, file_okay=False))
@click.argument("scikit_image", type=click.Path(exists=True, file_okay=False))
@click.option("--model", "models", multiple=True, help="[default: all that are registered]")
@click.option("--weights", default=FOLDER, show_default="this repository's",
              type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
def main(matrix: str, scikit_image: str, models: tuple[str, ...], weights: Path) -> None:
    """Nothing is written before all is known."""
    reports = load(scikit_image), load(matrix)
    registry = weights / "registry.json"
    entries = json.loads(registry.read_text("utf-8"))
    texts = {}
    for entry in entries:
        if not models or entry["name"] in models:
            entry["figures"] = [
                {"data": c.name, **_figures(entry["name"], report, c)}
                for report in reports
                for c in report.columns
                if not c.clean
            ]
            card = weights / entry["card"]
            texts[card] = _filled(card, entry["name"], reports)
    texts[registry] = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    for path, text in texts.items():
        with atomic_write(path) as temporary:
            temporary.write_text(text, "utf-8")


def _filled(card: Path, name: str, reports: tuple[Results, Results]) -> str:
    """The card's text with new figures."""
    lines = [_line(name, report, column) for report in reports for column in report.columns]
    text, tables = TABLE.subn(lambda _: table(HEAD, lines) + "\n", card.read_text("utf-8"))
    sums = reports[1].osr_figures(name)
    seen, unseen, harm = signed(sums.seen_gain), signed(sums.unseen_gain), 100 * sums.harm_share
    text, sentences = SUM.subn(rf"\g<1>{seen}\g<2>{unseen}\g<3>{harm:.0f}\g<4>", text)
    if (tables, sentences) != (1, 1):
        raise OptionError(f"{card}: expected one table and one sentence that sums it up, "
                          f"found {tables} and {sentences}")  # fmt: skip
    return text


def _line(name: str, results: Results, column: ColumnEntry) -> list[str]:
    gain = interval(results.gain(name, column))
    rows, figures = results.cell(name, column), _figures(name, results, column)
    ssim = (f"{np.mean([getattr(r, n) for r in rows]):.4f}" for n in ("input_ssim", "ssim"))
    low, high = signed(gain.low), signed(gain.high)
    told = "–" if column.clean else f"{signed(gain.mean)} ({low} to {high})"
    ends = (f"≥{v:.0f}" if v >= CEILING else f"{v:.2f}"
            for v in (figures["input"], figures["restored"]))  # fmt: skip
    state = STATES[results.state(name, column)]
    return [column.name, state, figures["protocol"], *ends, told, *ssim, figures["worse"]]


def _figures(name: str, results: Results, column: ColumnEntry) -> dict[str, Any]:
    rows = results.cell(name, column)
    if len(rows) != column.images:
        raise OptionError(f"{name}, {column.name}: {len(rows)} of {column.images} images are there")
    before, after = (
        float(capped([getattr(r, n) for r in rows]).mean()) for n in ("input_psnr", "psnr")
    )
    worse = np.mean(results.gain(name, column) < -NOTICEABLE)
    return {
        "protocol": f"{column.images} images, {column.protocol}",
        "input": round(before, 2),
        "restored": round(after, 2),
        "worse": f"{worse:.0%}",
    }


if __name__ == "__main__":
    run(main)
