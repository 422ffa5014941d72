"""Plot the loss curves of training runs over each other, and print how far they are apart.

    python tools/plot_runs.py runs/torch runs/mindspore -o curves.png

Runs are folders of ``osr train``; the others are compared with the first.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
from matplotlib.figure import Figure

from osr.cli import run
from osr_core.errors import OptionError


@click.command(help=__doc__)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="PNG or SVG.")
def main(runs: tuple[Path, ...], output: Path) -> None:
    """Plot and print."""
    figure = Figure((8, 4.5), layout="constrained", dpi=150)
    upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    first = _losses(runs[0])
    for folder in runs:
        losses = _losses(folder)
        apart = {step: abs(losses[step] / first[step] - 1) for step in losses if step in first}
        upper.semilogy(list(losses), list(losses.values()), label=folder)
        lower.semilogy(list(apart), list(apart.values()))
        click.echo(f"{folder}, relative difference of the loss from {runs[0]}:")
        for step in sorted({10, 50, 100, 200, 500, max(apart)} & apart.keys()):
            click.echo(f"  step {step:>6}: {apart[step]:.1e}")
    upper.set_ylabel("loss")
    upper.legend(frameon=False)
    lower.set(xlabel="step", ylabel="relative\ndifference")
    figure.savefig(output)


def _losses(folder: Path) -> dict[int, float]:
    """Losses by step; of a step that a resumed run repeated, the last."""
    try:
        lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    except OSError:
        raise OptionError(f"{folder}: no metrics.jsonl; expected a folder of osr train") from None
    losses = {d["step"]: d["loss"] for d in map(json.loads, lines) if d.get("loss") is not None}
    return dict(sorted(losses.items()))


if __name__ == "__main__":
    run(main)
