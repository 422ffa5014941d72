"""Train the paper's experiments in small, each in three ways, and print their PSNR as a table.

    python tools/run_recipes.py -o runs/small              # 27 runs of about a minute
    python tools/run_recipes.py -o runs/small --task derain

Plain: the backbone alone. Reprogrammed: the transforms and the backbone, from the seed. Frozen: the
transforms around the plain run's backbone, which stays as it is; two-task runs take that of
dehazing. PSNR is that of the run's own evaluation: the averaged weights on samples of the
training photographs, with other crops and other degradation. A run that is there is not repeated.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import click

from osr.cli import run
from osr.cli.train import train
from osr_core.checkpoint import Checkpoint
from osr_core.errors import TrainingError

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
TASKS = sorted(p.stem for p in (RECIPES / "small").glob("*.toml") if p.stem != "base")


@click.command(help=__doc__)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folders.")
@click.option("--task", "tasks", multiple=True, type=click.Choice(TASKS), help="[default: all]")
@click.option("--set", "assign", multiple=True, metavar="KEY=VALUE", help="Change the recipes.")
def main(output: Path, tasks: tuple[str, ...], assign: tuple[str, ...]) -> None:
    """Train and print."""
    chosen = sorted(tasks or TASKS, key=lambda task: (task.count("-"), task))
    click.echo("| task | untouched | plain | reprogrammed | around a frozen specialist |")
    click.echo("|---|---|---|---|---|")
    for task in chosen:
        specialist = "dehaze" if task.startswith("dehaze-") else task
        weights = output / f"{specialist}-plain" / "model.safetensors"
        variants: dict[str, tuple[str, ...]] = {
            "plain": (),
            "osr": (str(RECIPES / "osr.toml"),),
            "frozen": (
                str(RECIPES / "frozen.toml"), "--set", f"init.backbone={weights}",
            ),
        }  # fmt: skip
        figures = [
            _psnr(task, output / f"{task}-{name}", *variant, assign=assign)
            for name, variant in variants.items()
        ]
        cells = [figures[0][0], *(restored for _, restored in figures)]
        click.echo(f"| {task} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def _psnr(task: str, folder: Path, *variant: str, assign: tuple[str, ...]) -> tuple[float, float]:
    """PSNR of the untouched samples and of the restored ones at a run's end, in dB."""
    if not (folder / "model.safetensors").is_file():
        changes = [text for pair in assign for text in ("--set", pair)]
        recipe = str(RECIPES / "small" / f"{task}.toml")
        train.main([recipe, *variant, *changes, "-o", str(folder)], standalone_mode=False)
    steps = Checkpoint.load(folder / "model.safetensors").recipe["steps"]
    lines = map(json.loads, (folder / "metrics.jsonl").read_text("utf-8").splitlines())
    last = next((d for d in reversed(list(lines)) if "psnr" in d and d["step"] == steps), None)
    if last is None:
        raise TrainingError(f"{folder}: the run is not finished; remove it")
    return last.get("untouched", math.nan), last["psnr"]


if __name__ == "__main__":
    run(main)
