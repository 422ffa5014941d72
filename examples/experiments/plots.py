"""Plots of the experiments, from the reports of their runs.

    python examples/experiments/plots.py runs/experiments -o examples/experiments

A table of which no run is there is left out.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from plan import FIVE, Plan, Table, seeds_option, tables_option
from tables import figures

from osr_core.cli import run as run_command
from osr_core.files import replacing

COLOURS = ("#8a8a8a", "#1f6fb4")
"""Of the control and of what it controls."""


@click.command(help=__doc__)
@click.argument("runs", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder.")
@tables_option
@seeds_option
def main(runs: Path, output: Path, tables: tuple[str, ...], seeds: int | None) -> None:
    """Draw one PNG for each table of which there are runs."""
    output.mkdir(parents=True, exist_ok=True)
    for table in Plan.load(tables, seeds).tables:
        if any(figures(run, runs) for run in table.runs):
            draw = _leave_one_out if len(table.trained) > 1 else _seen_and_unseen
            draw(table, runs, output / f"{table.name}.png")


def _leave_one_out(table: Table, runs: Path, path: Path) -> None:
    """A dot a seed: gain on the kind that was left out, and on kinds that nobody ever sees."""
    drawing = Figure((9, 3.4), layout="constrained", dpi=110)
    axes = drawing.subplots(1, 2, sharey=True)
    titles = ("on the kind left out", "on kinds never trained")
    for axis, title, name in zip(axes, titles, ("left_out", "never"), strict=True):
        for row, trained in enumerate(table.trained):
            for column, variant in enumerate(table.variants):
                values = _found(table, variant, trained, runs, name)
                place = row + 0.24 * (column - 0.5)
                axis.plot(values, [place] * len(values), "o", color=COLOURS[column], alpha=0.7)
                if len(values):
                    axis.plot(values.mean(), place, "|", color=COLOURS[column], markersize=14)
        axis.axvline(0, color="black", linewidth=0.7)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("gain in PSNR over the untouched input, dB")
    left = [next(k for k in FIVE if k not in t).replace("_", " ") for t in table.trained]
    axes[0].set_yticks(range(len(left)), left)
    axes[0].invert_yaxis()
    for column, variant in enumerate(table.variants):
        axes[1].plot([], [], "o", color=COLOURS[column], label=variant)
    axes[1].legend(frameon=False, fontsize=9)
    _save(drawing, path)


def _seen_and_unseen(table: Table, runs: Path, path: Path) -> None:
    """Variants by their gain on seen and on unseen damage, with the standard deviation of each."""
    drawing = Figure((7, 4.4), layout="constrained", dpi=110)
    axes = drawing.subplots()
    for row, variant in enumerate(table.variants):
        seen, unseen = (
            _found(table, variant, table.trained[0], runs, name) for name in ("seen", "unseen")
        )
        if not len(seen):
            continue
        colour = COLOURS[0 if variant == table.variants[0] else 1]
        place, bars = (seen.mean(), unseen.mean()), (_deviation(unseen), _deviation(seen))
        axes.errorbar(*place, *bars, "o", color=colour, capsize=2)
        # Neighbours in the table are often neighbours here.
        offset, side = ((5, 5), "left") if row % 2 else ((-5, -11), "right")
        axes.annotate(variant, place, offset, textcoords="offset points", fontsize=8, ha=side)
    axes.margins(x=0.12)
    axes.set_xlabel("gain on damage that was trained on, dB")
    axes.set_ylabel("gain on damage that was not, dB")
    _save(drawing, path)


def _found(
    table: Table, variant: str, trained: tuple[str, ...], runs: Path, name: str
) -> NDArray[np.float64]:
    """One of the figures of a variant's runs that are there."""
    found = [f for run in table.of(variant, trained) if (f := figures(run, runs))]
    return np.array([getattr(f, name) for f in found], np.float64)


def _deviation(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _save(drawing: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        drawing.savefig(temporary)


if __name__ == "__main__":
    run_command(main)
