"""Make the pictures of README and of the model cards, from photographs of scikit-image.

    python tools/make_pictures.py                     # examples/images and README's picture
    python tools/make_pictures.py --cards [MODEL...]  # inputs above, results below; all models

The photographs are free: astronaut (NASA, public domain), chelsea (Stéfan van der Walt, CC0) and
coffee (Rachel Michetti, CC0). No model was trained on them.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import skimage.data
from numpy.typing import NDArray

import backends
from osr.cli import run
from osr.degradations import Chain, gaussian_noise, haze, pseudo_depth, rain
from osr.images import Picture, centre, read, to_float, to_levels, write
from osr_core import restore
from osr_core.registry import registry

ROOT = Path(__file__).resolve().parent.parent
IMAGES, PHOTOGRAPHS = ROOT / "docs" / "images", ROOT / "examples" / "images"

CARD = (
    ("coffee", "noise:25"),
    ("chelsea", "rain:0.3,length=28,angle=12"),
    ("astronaut", "haze:1.3"),
    ("chelsea", "blur:2"),
    ("coffee", "low_resolution:3"),
    ("chelsea", "jpeg:10"),
    ("astronaut", "low_light:2"),
)
"""Photograph and degradation of each part of a card's picture."""

SIDE, GAP = 180, 4
"""Side of a card's centre crops, and white pixels between them."""

Image = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@click.command(help=__doc__)
@click.argument("models", nargs=-1)
@click.option("--cards", is_flag=True, help="Make the pictures of the cards.")
def main(models: tuple[str, ...], cards: bool) -> None:
    """Write them where documents expect them."""
    if cards:
        for model in models or registry():
            write(IMAGES / "cards" / f"{model}.jpg", Picture(card(model)), quality=90)
        return
    for name, pixels in degraded().items():
        write(PHOTOGRAPHS / f"{name}.png", Picture(pixels))
    shown = {path.stem: read(path).pixels for path in sorted(PHOTOGRAPHS.glob("*.png"))}
    write(IMAGES / "before-after.png", Picture(before_and_after(shown)))


def degraded() -> dict[str, Pixels]:
    """The photographs of examples/images, each with one kind of degradation."""
    rng = np.random.default_rng(0)
    astronaut, chelsea, coffee = map(_photograph, ("astronaut", "chelsea", "coffee"))
    images = {
        "astronaut-haze": haze(astronaut, pseudo_depth(astronaut.shape, rng), 1.3, 0.92),
        "chelsea-rain": rain(chelsea, rng, 0.3, 28, 12, intensity=0.6),
        "coffee-noise": gaussian_noise(coffee, 25, rng, clip=True),
    }
    return {name: to_levels(image) for name, image in images.items()}


def before_and_after(pictures: dict[str, Pixels]) -> Pixels:
    """Left half the input, right half restored by its specialist, side by side."""
    side = min(min(pixels.shape[:2]) for pixels in pictures.values())
    columns = []
    for name, pixels in pictures.items():
        restored = restore(pixels, backends.load(f"osr-de{name.partition('-')[2]}"))
        middle = pixels.shape[1] // 2
        joined = np.concatenate((pixels[:, :middle], restored[:, middle:]), axis=1)
        joined[:, middle - 1 : middle + 1] = 255
        columns.append(joined)
    return _strip(columns, side, 6)


def card(model: str) -> Pixels:
    """Degraded crops above, restored ones below."""
    network = backends.load(model)
    inputs = [
        to_levels(Chain.parse(text)(_photograph(name), np.random.default_rng(0))[0])
        for name, text in CARD
    ]
    above = _strip(inputs, SIDE, GAP)
    below = _strip([restore(pixels, network) for pixels in inputs], SIDE, GAP)
    return np.concatenate((above, np.full_like(above[:GAP], 255), below))


def _photograph(name: str) -> Image:
    return to_float(getattr(skimage.data, name)())


def _strip(pictures: list[Pixels], side: int, gap: int) -> Pixels:
    """Centre crops side by side."""
    white = np.full((side, gap, 3), 255, np.uint8)
    parts = [part for pixels in pictures for part in (centre(pixels, side, side), white)]
    return np.concatenate(parts[:-1], axis=1)


if __name__ == "__main__":
    run(main)
