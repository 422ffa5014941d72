"""Train the paper's experiments in small, each in three ways, and print their PSNR as a table.

    python tools/run_recipes.py -o runs/small              # 27 runs of about a minute
    python tools/run_recipes.py -o runs/small --task derain

Plain: the backbone alone. Reprogrammed: transforms and backbone, from the seed. Frozen: transforms
around the plain run's backbone, which is frozen; two-task runs take that of dehazing. PSNR is the
validation PSNR of the EMA, on other crops of the training photographs with other degradations.
Finished runs are not repeated.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

import osr
from osr.cli import run
from osr_core.errors import TrainingError

SINGLE = ("dehaze", "derain", "denoise", "deblur", "sr")
TASKS = (*SINGLE, *(f"dehaze-{task}" for task in SINGLE[1:]))


@click.command(help=__doc__)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folders.")
@click.option("--task", "tasks", multiple=True, type=click.Choice(TASKS), help="[default: all]")
@click.option("--set", "assign", multiple=True, metavar="KEY=VALUE", help="Override recipe keys.")
def main(output: Path, tasks: tuple[str, ...], assign: tuple[str, ...]) -> None:
    """Train and print."""
    click.echo("| task | input | plain | reprogrammed | around a frozen specialist |")
    click.echo("|---|---|---|---|---|")
    for task in sorted(tasks or TASKS, key=TASKS.index):
        specialist = output / f"{task.split('-')[0]}-plain" / "model.safetensors"
        frozen = f"init.backbone={specialist}"
        figures = [
            _psnr(task, output / f"{task}-plain", ["paper-small"], assign),
            _psnr(task, output / f"{task}-osr", ["paper-small", "osr"], assign),
            _psnr(task, output / f"{task}-frozen", ["paper-small", "frozen"], (*assign, frozen)),
        ]
        cells = [figures[0][0], *(restored for _, restored in figures)]
        click.echo(f"| {task} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def _psnr(
    task: str, folder: Path, recipes: list[str], assign: tuple[str, ...]
) -> tuple[float, float]:
    """PSNR of the degraded and the restored validation samples at the end of a run, in dB."""
    if not (folder / "model.safetensors").is_file():
        summary = osr.train(recipes, folder, task=task, assign=assign)
        if not summary.finished:
            raise TrainingError(f"{folder}: the run was stopped; remove it")
    lines = map(json.loads, (folder / "metrics.jsonl").read_text("utf-8").splitlines())
    last = [line for line in lines if "psnr" in line][-1]
    return last["input_psnr"], last["psnr"]


if __name__ == "__main__":
    run(main)
