"""Measure a model: PSNR and SSIM of damaged and of restored images, as rows of a table.

    python examples/measure.py                                  # photographs of scikit-image
    python examples/measure.py --clean CBSD68 --damage noise:25
    python examples/measure.py --pairs rainy/ clear/ --channel y

Means over images. Damage is drawn with a seed per image, so that a row can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import skimage.data
from numpy.typing import NDArray
from tqdm import tqdm

import backends
from osr_core import restore
from osr_core.backend import PRECISIONS
from osr_core.cli import run
from osr_core.degradations import (
    gaussian_blur,
    gaussian_noise,
    haze,
    jpeg,
    low_resolution,
    pseudo_depth,
    rain,
)
from osr_core.errors import OptionError
from osr_core.images import collect, read, to_rgb8
from osr_core.metrics import Convention, psnr, ssim
from osr_core.registry import default_model
from osr_core.sampling import find_pairs

Image = NDArray[np.float32]

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
"""Free photographs that come with scikit-image."""

DAMAGE: dict[str, Callable[[Image, float, np.random.Generator], Image]] = {
    "noise": lambda image, level, rng: gaussian_noise(image, level, rng),
    "rain": lambda image, level, rng: rain(image, rng, level, 25.0, 10.0),
    "haze": lambda image, level, rng: haze(image, pseudo_depth(image.shape, rng), level),
    "blur": lambda image, level, rng: gaussian_blur(image, level),
    "low_resolution": lambda image, level, rng: low_resolution(image, level),
    "jpeg": lambda image, level, rng: jpeg(image, int(level)),
    "none": lambda image, level, rng: image,
}
"""What ``--damage KIND:LEVEL`` does: σ in 8-bit levels, density, β, σ in pixels, scale, quality."""


@click.command(help=__doc__)
@click.option("--model", default=default_model, help="Registered name or .safetensors file.")
@click.option("--clean", help="Folder of clear images; damage is added.")
@click.option("--pairs", nargs=2, help="Folders of damaged and of clear images of the same names.")
@click.option("--damage", default="noise:25", show_default=True, help=", ".join(DAMAGE))
@click.option("--channel", type=click.Choice(["rgb", "y"]), default="rgb", show_default=True)
@click.option("--crop", default=0, show_default=True, help="Pixels cut off at each border.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True)
def main(
    model: str,
    clean: str | None,
    pairs: tuple[str, str] | None,
    damage: str,
    channel: str,
    crop: int,
    precision: str,
) -> None:
    """Measure and print a row."""
    convention = Convention("y" if channel == "y" else "rgb", crop)
    network = backends.load(model, precision=precision)
    rows = []
    for damaged, truth in tqdm(list(_pairs(*pairs) if pairs else _damaged(clean, damage))):
        restored = restore(damaged.clip(0, 1) if pairs else damaged, network)
        rows.append([
            score.value
            for image in (damaged, restored)
            for score in (psnr(image, truth, convention), ssim(image, truth, convention))
        ])  # fmt: skip
    data = Path(pairs[0]).parent.name if pairs else Path(clean).name if clean else "scikit-image"
    what = "" if pairs else f" {damage}"
    before, before_ssim, after, after_ssim = np.mean(rows, axis=0)
    worse = np.mean([row[2] < row[0] - 0.2 for row in rows])
    click.echo(
        f"| {data}{what} | {len(rows)} images, {convention} | {before:.2f} | {after:.2f} | "
        f"{before_ssim:.4f} | {after_ssim:.4f} | {worse:.0%} |"
    )


def _damaged(clean: str | None, damage: str) -> Iterator[tuple[Image, Image]]:
    kind, _, level = damage.partition(":")
    if kind not in DAMAGE:
        raise OptionError(f"damage {damage}: expected one of {', '.join(DAMAGE)}, then :LEVEL")
    files = collect([clean]) if clean else []
    images = map(_load, files) if clean else (getattr(skimage.data, n)() for n in PHOTOGRAPHS)
    for index, pixels in enumerate(images):
        truth = (pixels / np.float32(255)).astype(np.float32)
        yield DAMAGE[kind](truth, float(level or 0), np.random.default_rng([0, index])), truth


def _pairs(damaged: str, clear: str) -> Iterator[tuple[Image, Image]]:
    for pair in find_pairs(collect([damaged]), collect([clear])):
        first, second = (_load(path) / np.float32(255) for path in pair)
        yield first, second


def _load(path: Path) -> NDArray[np.uint8]:
    return to_rgb8(read(path).pixels)


if __name__ == "__main__":
    run(main)
