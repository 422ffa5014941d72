"""Train the model of a recipe on folders of photographs.

    python examples/train.py examples/recipes/general.toml --photographs DIR -o runs/general

Stopped at any moment, the same command goes on from the last saved step.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

import backends
from osr_core.cli import run
from osr_core.images import collect
from osr_core.recipe import Recipe
from osr_core.sampling import Samples, find_pairs
from osr_core.training import train


@click.command(help=__doc__)
@click.argument("recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--photographs", multiple=True, required=True, help="Folder of clear photographs.")
@click.option("--pairs", nargs=2, multiple=True, help="Folders of damaged and of clear images.")
@click.option("--steps", type=int, help="Steps, instead of the recipe's.")
@click.option("--precision", help="Precision, instead of the recipe's.")
@click.option("--workers", default=1, show_default=True, help="Loader processes.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
def main(
    recipe_file: Path,
    photographs: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    steps: int | None,
    precision: str | None,
    workers: int,
    output: Path,
) -> None:
    """Read the options and train."""
    recipe = Recipe.load(recipe_file)
    recipe = replace(
        recipe, steps=steps or recipe.steps, precision=precision or recipe.precision
    )
    samples = Samples(
        recipe,
        tuple(collect(photographs)),
        sum((find_pairs(collect([damaged]), collect([clear])) for damaged, clear in pairs), ()),
    )
    network = backends.build(recipe.spec, recipe.seed)
    provenance = {
        "trained_with": f"{backends.name} {backends.version()}",
        "photographs": len(samples.photographs),
        "pairs": len(samples.pairs),
    }
    trainer = backends.Trainer(network, recipe)
    train(trainer, samples, output, provenance=provenance, workers=workers)
    click.echo(f"{output / 'model.safetensors'}: trained for {recipe.steps} steps")


if __name__ == "__main__":
    run(main)
