"""Plot the loss curves of training runs over each other, and print how far they are apart.

    python tools/plot_runs.py runs/torch runs/mindspore -o curves.png

Runs are folders of ``osr train``; the others are compared with the first.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from osr.cli import run
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError

Curve = NDArray[np.float64]


@click.command(help=__doc__)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="PNG or SVG.")
def main(runs: tuple[Path, ...], output: Path) -> None:
    """Plot and print."""
    figure = Figure((8, 4.5), layout="constrained", dpi=150)
    upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    steps, reference = _losses(runs[0])
    for number, folder in enumerate(runs):
        at, losses = _losses(folder)
        label = Checkpoint.load(folder / "model.safetensors").provenance.get("trained_with", folder)
        upper.semilogy(at, losses, "--" if number else "-", label=label, linewidth=1.5)
        common, ours, theirs = np.intersect1d(steps, at, return_indices=True)
        difference = np.abs(losses[theirs] / reference[ours] - 1)
        if number:
            lower.semilogy(common, np.maximum(difference, 1e-9), "--", linewidth=1.5)
            click.echo(f"{folder} against {runs[0]}, relative difference of the loss:")
            for step in sorted({10, 50, 100, 200, 500, int(common[-1])} & set(common.astype(int))):
                click.echo(f"  step {step:>6}: {difference[common == step][0]:.1e}")
    upper.set_ylabel("loss")
    upper.legend(frameon=False)
    lower.set(xlabel="step", ylabel="relative\ndifference")
    figure.savefig(output)


def _losses(folder: Path) -> tuple[Curve, Curve]:
    """Steps and losses of a run; of a step that a resumed run repeated, the last."""
    try:
        lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    except OSError:
        raise OptionError(f"{folder}: no metrics.jsonl; expected a folder of osr train") from None
    losses = {d["step"]: d["loss"] for d in map(json.loads, lines) if d.get("loss") is not None}
    return np.array(sorted(losses), np.float64), np.array([losses[s] for s in sorted(losses)])


if __name__ == "__main__":
    run(main)
