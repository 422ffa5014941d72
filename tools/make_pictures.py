"""Make the degraded photographs of examples/images, and the picture of the README.

    python tools/make_pictures.py [PHOTOGRAPHS PICTURE]

The photographs come with scikit-image and are free: astronaut (NASA, public domain), chelsea
(Stéfan van der Walt, CC0) and coffee (Rachel Michetti, CC0).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray

import backends
from osr.degradations import gaussian_noise, haze, pseudo_depth, rain
from osr.images import Picture, read, write
from osr_core import restore

ROOT = Path(__file__).resolve().parent.parent
PHOTOGRAPHS = ROOT / "examples" / "images"
PICTURE = ROOT / "docs" / "images" / "before-after.png"

GAP = 6
"""White pixels between the photographs of the picture."""

Pixels = NDArray[np.uint8]


def degraded() -> dict[str, Pixels]:
    """Three photographs, each with one kind of degradation."""
    rng = np.random.default_rng(0)
    astronaut, chelsea, coffee = (
        (getattr(skimage.data, name)() / 255).astype(np.float32)
        for name in ("astronaut", "chelsea", "coffee")
    )
    images = {
        "astronaut-haze": haze(astronaut, pseudo_depth(astronaut.shape, rng), 1.3, 0.92),
        "chelsea-rain": rain(chelsea, rng, 0.3, 28, 12, intensity=0.6),
        "coffee-noise": gaussian_noise(coffee, 25, rng, clip=True),
    }
    return {name: np.rint(image * 255).astype(np.uint8) for name, image in images.items()}


def before_and_after(pictures: dict[str, Pixels]) -> Pixels:
    """Left half the input, right half restored by its specialist, side by side."""
    side = min(min(pixels.shape[:2]) for pixels in pictures.values())
    columns = []
    for name, pixels in pictures.items():
        network = backends.load(f"osr-de{name.partition('-')[2]}")
        restored = restore(pixels, network)
        middle, top = pixels.shape[1] // 2, (pixels.shape[0] - side) // 2
        joined = np.concatenate((pixels[:, :middle], restored[:, middle:]), axis=1)
        joined[:, middle - 1 : middle + 1] = 255
        left = middle - side // 2
        columns.append(joined[top : top + side, left : left + side])
        columns.append(np.full((side, GAP, 3), 255, np.uint8))
    return np.concatenate(columns[:-1], axis=1)


def main(photographs: Path = PHOTOGRAPHS, picture: Path = PICTURE) -> None:
    """Write the degraded photographs, then the picture made from what was written."""
    photographs.mkdir(exist_ok=True)
    for name, pixels in degraded().items():
        write(photographs / f"{name}.png", Picture(pixels))
    written = {path.stem: read(path).pixels for path in sorted(photographs.glob("*.png"))}
    write(picture, Picture(before_and_after(written)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
