"""How long the device waits for its samples, as a share of the time of a training run.

    python tools/benchmark_loading.py                      # scikit-image's photographs
    python tools/benchmark_loading.py --photographs DIR --workers 1

Each row is a run of recipes/single.toml with so many loader processes; 0 loads between the
steps, which shows what loading costs.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import click

import backends
from osr.cli import run
from osr.datasets import catalogue
from osr.training.loop import train
from osr.training.recipe import Recipe
from osr.training.recipe_tables import Validation
from osr.training.sampling import Samples

RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "small.toml"


@click.command(help=__doc__)
@click.option("--photographs", multiple=True, help="Folders of clear photographs.")
@click.option("--workers", type=int, multiple=True, default=(0, 1), show_default=True)
@click.option("--steps", default=200, show_default=True)
@click.option("--precision", default="bfloat16", show_default=True)
def main(
    photographs: tuple[str, ...], workers: tuple[int, ...], steps: int, precision: str
) -> None:
    """Train and print."""
    # A worker's BLAS threads would take the cores that the network computes on.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    data = {"photographs": list(photographs)} if photographs else {"scikit-image": ["built-in"]}
    recipe = Recipe.load(RECIPE, assign=["data={}"], data=data)
    synthetic = {
        kind: weight for kind, weight in recipe.sampling_weights.items() if kind not in catalogue()
    }
    recipe = replace(
        recipe, sampling_weights=synthetic, steps=steps, precision=precision, log_every=steps // 2,
        checkpoint_every=steps, validation=Validation(samples=0),
    )  # fmt: skip
    click.echo("| loader processes | images/s | waiting |\n|---|---|---|")
    for count in workers:
        with tempfile.TemporaryDirectory() as folder:
            trainer = backends.Trainer(backends.build(recipe.spec), recipe.trainer_options)
            train(trainer, Samples.of(recipe), Path(folder), provenance={}, workers=count)
            lines = (Path(folder) / "metrics.jsonl").read_text().splitlines()
        second_half = json.loads(lines[-1])  # processes have started and images are read
        rate, waiting = second_half["images_per_second"], second_half["waiting"]
        click.echo(f"| {count} | {rate:.1f} | {waiting:.1%} |")


if __name__ == "__main__":
    run(main)
