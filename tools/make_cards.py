"""Make the pictures of the model cards: seven kinds of degradation, above as it came, below restored.

    python tools/make_cards.py [--model NAME ...] [-o FOLDER]

The photographs come with scikit-image: astronaut, chelsea and coffee. No model was trained on them.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import skimage.data
from numpy.typing import NDArray

import backends
from osr.cli import run
from osr.degradations import Chain
from osr.images import Picture, write
from osr_core import restore
from osr_core.registry import registry

ROOT = Path(__file__).resolve().parent.parent

COLUMNS = (
    ("coffee", "noise:25"),
    ("chelsea", "rain:0.3,length=28,angle=12"),
    ("astronaut", "haze:1.3"),
    ("chelsea", "blur:2"),
    ("coffee", "low_resolution:3"),
    ("chelsea", "jpeg:10"),
    ("astronaut", "low_light:2"),
)
"""Photograph and degradation, each from the seed 0."""

SIDE = 180
"""Of the part that is shown, from the middle of the photograph."""

GAP = 4
"""White pixels between the parts."""

Pixels = NDArray[np.uint8]


@click.command(help=__doc__)
@click.option("--model", "models", multiple=True, help="[default: all that are registered]")
@click.option("-o", "--output", default=ROOT / "docs" / "images" / "cards", type=click.Path(path_type=Path))
def main(models: tuple[str, ...], output: Path) -> None:
    """A JPEG for each model, named after it."""
    output.mkdir(parents=True, exist_ok=True)
    pictures = [_degraded(name, degradation) for name, degradation in COLUMNS]
    for model in models or registry():
        network = backends.load(model)
        restored = [restore(pixels, network) for pixels in pictures]
        above, below = _row(pictures), _row(restored)
        card = np.concatenate((above, np.full_like(above[:GAP], 255), below))
        write(output / f"{model}.jpg", Picture(card), quality=90)


def _degraded(name: str, degradation: str) -> Pixels:
    photograph = (getattr(skimage.data, name)() / 255).astype(np.float32)
    image = Chain.parse(degradation)(photograph, np.random.default_rng(0))[0]
    pixels: Pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return pixels


def _row(pictures: list[Pixels]) -> Pixels:
    white = np.full((SIDE, GAP, 3), 255, np.uint8)
    parts = []
    for pixels in pictures:
        top, left = ((size - SIDE) // 2 for size in pixels.shape[:2])
        parts += [pixels[top : top + SIDE, left : left + SIDE], white]
    return np.concatenate(parts[:-1], axis=1)


if __name__ == "__main__":
    run(main)
