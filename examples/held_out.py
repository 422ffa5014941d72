"""Write the photographs that a recipe holds out of training, to choose a model by.

    python examples/held_out.py examples/recipes/general-strict.toml -o data/held-out \
        --data photographs=DIR --data rain800=DIR
    osr evaluate --recipe examples/validation.toml --data photographs=data/held-out \
        --model osr-general --model runs/general-strict/model.safetensors -o runs/validation

They are shrunk as in training, to the recipe's ``largest_side``, and written as PNG. With --fade
they lose contrast, as old prints have: that is no haze, and not to be taken away.
"""

from __future__ import annotations

from pathlib import Path

import click
import cv2
import numpy as np

from osr_core.cli import run
from osr_core.cli.train import folders
from osr_core.errors import OptionError
from osr_core.training.augmentation import fade
from osr_core.training.recipe import Recipe
from osr_core.training.sampling import Samples, shrink


@click.command(help=__doc__)
@click.argument("recipes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", multiple=True, metavar="NAME=PATH", help="As for osr train.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New folder.")
@click.option("--fade", "faded", is_flag=True, help="Take contrast away.")
def main(recipes: tuple[Path, ...], data: tuple[str, ...], output: Path, faded: bool) -> None:
    """Write them."""
    recipe = Recipe.load(*recipes, data=folders(data))
    if not recipe.evaluation.held_out:
        raise OptionError("recipe.evaluation.held_out is 0: no photograph is held out")
    if output.exists():
        raise OptionError(f"-o {output}: is there already; name a new folder")
    _, looking = Samples.of(recipe).split()
    output.mkdir(parents=True)
    for number, item in enumerate(looking.photographs):
        _, clear = item.load()
        pixels = shrink(clear, recipe.largest_side)
        if faded:
            pale = fade(pixels.astype(np.float32) / 255, np.random.default_rng(number))
            pixels = np.rint(pale * 255).astype(np.uint8)
        name = f"{number:03}-{Path(item.name).stem}.png"  # two folders may have the same name
        cv2.imwrite(str(output / name), pixels[..., ::-1])
    click.echo(f"{len(looking.photographs)} photographs in {output}")


if __name__ == "__main__":
    run(main)
