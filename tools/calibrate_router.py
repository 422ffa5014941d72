r"""Calibrate when the router of a mixture runs an expert, and what its gates let through.

    python tools/calibrate_router.py mixture.safetensors recipes/general.toml \
        --data photographs=DIR --data rain800=DIR -o calibrated.safetensors

Biases of the router and of the gates are varied, one after the other. Kept is what gains most on
samples of the validation split, drawn as in the last stage of the recipe, less COST for each expert
that runs. The error of an image is that of its cells, as in training.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from backends.torch import load
from backends.torch.layers import hard_gate
from backends.torch.mixtures import RoutedExperts
from osr.cli import run
from osr.settings import folders
from osr.training.recipe_files import load_stages
from osr.training.sampling import Samples
from osr_core.checkpoint import Checkpoint
from osr_core.operations import GATE, ROUTE
from osr_core.training.routing import FLOOR, inner_products

STEPS = -2.0, -1.0, -0.5, 0.5, 1.0, 2.0
"""By which a bias is varied."""
COST = 0.02
"""Decibels that one more expert must gain on average."""
BATCH = 20

Planes = NDArray[np.float32]


@click.command(help=__doc__)
@click.argument("model")
@click.argument("recipe")
@click.option("--data", "data", multiple=True, required=True, metavar="NAME=PATH")
@click.option("--samples", "count", default=1000, show_default=True)
@click.option("--fixed", multiple=True, type=int, help="Number of an expert that stays as it is.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(
    model: str, recipe: str, data: tuple[str, ...], count: int, fixed: tuple[int, ...], output: Path
) -> None:
    """Write a copy with other biases."""
    checkpoint = Checkpoint.load(model)
    network = load(checkpoint, precision="bfloat16")
    assert isinstance(network, RoutedExperts)
    stage = load_stages(recipe, task=None, assign=[], data=folders(data))[-1]
    stage = replace(stage, batch_size=BATCH, accumulation_steps=1)
    objective = Objective(network, Samples.of(stage).split()[1], count // BATCH)
    experts = [index for index in range(len(network.experts)) if index not in fixed]
    names = [f"{part}.{index}.bias" for part in ("routes", "gates") for index in experts]
    biases = {name: network.get_parameter(name) for name in names}
    best = objective.gain()
    print(f"before: {best:.3f} dB")
    improved = True
    while improved:
        improved = False
        for name, bias in biases.items():
            for step in STEPS:
                bias.data += step
                if (gain := objective.gain()) > best + 1e-4:
                    best, improved = gain, True
                    print(f"{name} {step:+g}: {best:.3f} dB", flush=True)
                else:
                    bias.data -= step
    state = {**checkpoint.state, **{name: b.detach().numpy() for name, b in biases.items()}}
    replace(checkpoint, state=state).save(output)


class Objective:
    """Mean gain of images in decibels, less the cost of the experts that run."""

    def __init__(self, network: RoutedExperts, samples: Samples, batches: int) -> None:
        self.network = network
        parts = [self._measure(*samples.batch(index)) for index in range(batches)]
        evidence, products = zip(*parts, strict=True)
        self.evidence, self.products = torch.cat(evidence), torch.cat(products)
        count = self.products.shape[1] - 1
        self.energies = torch.stack([self.products[:, k, k] for k in range(count)], 1)

    @torch.inference_mode()
    def _measure(self, images: Planes, targets: Planes) -> tuple[torch.Tensor, ...]:
        """What the router sees in a batch, and :func:`inner_products`."""
        x = torch.from_numpy(images)
        evidence = self.network.evidence(self.network.look(x))
        with torch.autocast("cpu", torch.bfloat16):
            changes = [change.float().numpy() for change in self.network.changes(x)]
        products = inner_products(changes, targets - images, self.network.cell)
        return evidence, torch.from_numpy(products)

    @torch.inference_mode()
    def gain(self) -> float:
        """With the biases that the network has now."""
        routes, logits = self.network.routing(self.evidence, self.energies)
        running = hard_gate(routes, ROUTE)
        gates = hard_gate(logits, GATE) * running[..., None, None]
        weights = torch.cat((gates, -torch.ones_like(gates[:, :1])), 1)
        error = torch.einsum("nihw,njhw,nijhw->n", weights, weights, self.products)
        error = error.clamp(min=0) / gates[0, 0].numel() + FLOOR
        before = self.products[:, -1, -1].mean((1, 2)) + FLOOR
        runs = (running > 0).float().sum(1)
        return float((10 * torch.log10(before / error) - COST * runs).mean())


if __name__ == "__main__":
    run(main)
