"""``osr train``: train the network of a recipe."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from backends import get_backend
from osr.cli import backend_option
from osr.training.loop import Summary
from osr.training.loop import train as run_training
from osr.training.recipe import Recipe
from osr.training.sampling import Samples
from osr.training.starting import starting_state
from osr_core import __version__
from osr_core.errors import OptionError
from weights.vgg import load_vgg


@click.command()
@click.argument("recipes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--data", multiple=True, metavar="NAME=PATH", help="Where a set of the recipe lies.")
@click.option("--set", "assign", multiple=True, metavar="KEY=VALUE", help="Change the recipe.")
@click.option("--resume", is_flag=True, help="Go on from the newest state of the run folder.")
@click.option("--workers", default=1, show_default=True, help="Loader processes.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda[:i], ascend[:i].")
@backend_option
def train(
    recipes: tuple[Path, ...],
    output: Path,
    data: tuple[str, ...],
    assign: tuple[str, ...],
    resume: bool,
    workers: int,
    device: str,
    backend: str | None,
) -> int:
    """Train the network that RECIPES describe; later files lie over earlier ones.

    Stopped by Ctrl-C or killed, a run goes on with --resume, in either backend. Under torchrun or
    msrun the processes share each batch.
    """
    recipe = Recipe.load(*recipes, assign=assign, data=folders(data))
    if workers < 0:
        raise OptionError(f"--workers {workers}: expected 0 or more")
    module = get_backend(backend)
    world = module.init_distributed(device)
    samples = Samples.of(recipe)
    state, about = starting_state(recipe)
    vgg = load_vgg(recipe.vgg) if recipe.vgg else None
    recipe.trainer_options.check_batch_size(recipe.batch_size, world.size)
    network = module.build(recipe.spec, device=world.device, state=state)
    trainer = module.Trainer(network, recipe.trainer_options, vgg, world)
    provenance = {
        "trained_with": f"osr {__version__}, {module.name} {module.version()}",
        "processes": world.size,
        "images": _counts(samples),
        **about,
    }
    summary = run_training(
        trainer, samples, output, provenance=provenance, workers=workers, resume=resume
    )
    module.shutdown()
    if world.is_main:
        _tell(summary, recipe, output)
    return 0 if summary.finished else 130


def folders(pairs: tuple[str, ...]) -> dict[str, list[str]]:
    """Folders by the name of their set, from ``NAME=PATH``."""
    folders: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, path = pair.partition("=")
        if not name or not path:
            raise OptionError(f"--data {pair}: expected NAME=PATH")
        folders.setdefault(name, []).append(path)
    return folders


def _counts(samples: Samples) -> dict[str, Any]:
    sets = {"photographs": samples.photographs, **samples.pairs}
    return {name: len(items) for name, items in sets.items() if items}


def _tell(summary: Summary, recipe: Recipe, output: Path) -> None:
    took = timedelta(seconds=round(summary.seconds))
    click.echo(f"{summary.step} of {recipe.steps} steps in {took}, loss {summary.loss:.4f}")
    if summary.best_step:
        click.echo(f"PSNR {summary.psnr:.2f} dB, best {summary.best:.2f} at {summary.best_step}")
    if summary.skipped:
        click.echo(f"{summary.skipped} steps skipped: loss or gradient not finite")
    if summary.finished:
        click.echo(f"osr restore PICTURE --model {output / 'model.safetensors'} -o RESTORED")
    else:
        click.echo("stopped; the same command with --resume goes on")
