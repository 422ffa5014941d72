"""Train and measure the experiments of experiments.toml.

    python examples/experiments/run.py --table leave-one-out -o runs/experiments \
        --train photographs=DIR --data cbsd68=DIR --data rain100l=DIR ...

A run of the network is a folder VARIANT/KINDS/SEED under -o, which several tables may share. What
is there is not repeated, so the command goes on where it was stopped. It ends with the table.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from plan import HERE, Plan, Run, seeds_option, tables_option
from tables import markdown

import backends
from osr_core.checkpoint import Checkpoint
from osr_core.cli import run as run_command
from osr_core.cli.train import train
from osr_core.evaluation.candidates import network_candidate
from osr_core.evaluation.columns import Column
from osr_core.evaluation.selection import Selection
from osr_core.evaluation.session import Setting, evaluate

WAVE = HERE.parent / "recipes" / "osr.toml"


@click.command(help=__doc__)
@tables_option
@seeds_option
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folders.")
@click.option("--train", "clear", multiple=True, metavar="NAME=PATH", help="As for osr train.")
@click.option("--data", multiple=True, metavar="NAME=PATH", help="As for osr evaluate.")
@click.option("--set", "assign", multiple=True, metavar="KEY=VALUE", help="Change all recipes.")
def main(
    tables: tuple[str, ...],
    seeds: int | None,
    output: Path,
    clear: tuple[str, ...],
    data: tuple[str, ...],
    assign: tuple[str, ...],
) -> None:
    """Run what is missing, then print."""
    plan = Plan.load(tables, seeds)
    pairs = (text.partition("=") for text in data)
    selection = Selection.load(HERE / "matrix.toml")
    columns = selection.columns({name: path for name, _, path in pairs})
    for number, run in enumerate(plan.runs, 1):
        click.echo(f"{number}/{len(plan.runs)} {run.path}", err=True)
        _train(run, output, clear, assign)
        _measure(run, output, columns)
    for table in plan.tables:
        click.echo(markdown(table, output))


def _train(run: Run, output: Path, clear: tuple[str, ...], assign: tuple[str, ...]) -> None:
    folder = output / run.path
    if is_trained(folder / "model.safetensors"):
        return
    share = (1 - 0.15) / len(run.trained)
    shares = ", ".join(["clean = 0.15", *(f"{kind} = {share}" for kind in run.trained)])
    recipes = [HERE / "base.toml"] if run.plain else [HERE / "base.toml", WAVE]
    changes = [f"shares={{{shares}}}", f"seed={run.seed}", *run.settings]
    if run.variant == "frozen":
        specialist = Run("specialist", run.trained, run.seed, ())
        changes.append(f"backbone.weights={output / specialist.path / 'model.safetensors'}")
    args = [*map(str, recipes), "-o", str(folder), "--resume", "--workers", "0"]
    args += [text for pair in clear for text in ("--data", pair)]
    args += [text for pair in (*changes, *assign) for text in ("--set", pair)]
    if train.main(args, standalone_mode=False):
        raise click.Abort  # stopped by Ctrl-C


def is_trained(path: Path) -> bool:
    """Whether a run came to its end: one that was stopped on its way leaves a model, too."""
    if not path.is_file():
        return False
    model = Checkpoint.load(path)
    return bool(model.provenance["steps"] == model.recipe["steps"])


def _measure(run: Run, output: Path, columns: tuple[Column, ...]) -> None:
    folder = output / run.path
    model = network_candidate(
        f"model={folder / 'model.safetensors'}", partial(backends.load, device="auto")
    )
    evaluate([model], columns, folder / "report", Setting(0, backends.name))


if __name__ == "__main__":
    run_command(main)
