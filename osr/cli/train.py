"""``osr train``: train the network of a recipe."""

from __future__ import annotations

import math
import signal
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from osr.cli import options
from osr.cli.output import print_json
from osr.settings import folders
from osr.training.loop import Summary
from osr.training.run import train as run_training


@click.command()
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--task", help="Task of a recipe that has several.")
@click.option(
    "--data", multiple=True, metavar="NAME=PATH", help="Folder of a dataset named in the recipe."
)
@click.option(
    "--set", "assign", multiple=True, metavar="KEY=VALUE", help="Override a recipe key; repeatable."
)
@click.option("--resume", is_flag=True, help="Resume from the latest state in the run folder.")
@click.option("--workers", default=1, show_default=True, help="Loader processes.")
@options.device
@options.backend
@options.model_limit
@options.json
def train(
    recipes: tuple[str, ...], output: Path, data: tuple[str, ...], as_json: bool, **settings: Any
) -> int:
    """Train the network of a RECIPE: a TOML file, or the name of one that comes with OSR.

    Later recipes override earlier ones. A stopped or killed run resumes with --resume, in either
    backend. Under torchrun or msrun the processes share each batch.
    """
    summary = run_training(list(recipes), output, data=folders(data), **settings)
    if summary.is_main and as_json:
        print_json({**asdict(summary), "model": str(summary.model)})
    elif summary.is_main and not options.quiet():
        _print(summary)
    return 0 if summary.finished else 128 + (summary.stopped_by or signal.SIGINT)


def _print(summary: Summary) -> None:
    took = timedelta(seconds=round(summary.seconds))
    loss = f", loss {summary.loss:.4f}" if math.isfinite(summary.loss) else ""
    click.echo(f"{summary.step} of {summary.steps} steps in {took}{loss}")
    if summary.best_step:
        psnr = f"{summary.psnr:.2f} dB, " if math.isfinite(summary.psnr) else ""
        click.echo(f"PSNR {psnr}best {summary.best:.2f} dB at {summary.best_step}")
    if summary.skipped:
        click.echo(f"{summary.skipped} steps skipped: loss or gradient not finite")
    if summary.finished:
        click.echo(f"osr restore PICTURE --model {summary.model} -o RESTORED")
    else:
        click.echo("stopped; repeat the command with --resume to continue")
