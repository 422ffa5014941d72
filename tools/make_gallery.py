"""Make the page of photographs before and after, docs/gallery.md, with its pictures and figures.

    python tools/make_gallery.py

The photographs come with scikit-image and are free: astronaut (NASA, public domain), brick and
grass (CC0), camera (Lav Varshney, CC0), chelsea (Stéfan van der Walt, CC0) and coffee (Rachel
Michetti, CC0). No model was trained on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import skimage.data
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

import backends
from osr.cli import run
from osr.degradations import Chain
from osr.evaluation.metrics import psnr
from osr.evaluation.models import safe_name
from osr.evaluation.statistics import CEILING
from osr.images import Picture, to_float, to_levels, write
from osr_core import restore
from osr_core.registry import registry

DOCS = Path(__file__).resolve().parent.parent / "docs"

SIDE, GAP = 240, 4
"""Side of a crop, and white pixels between crops."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """A photograph of the page."""

    section: str
    photograph: str
    """Function of ``skimage.data``."""
    degradation: str
    """A chain; ``none`` for a clean photograph."""
    top: int
    left: int
    """Corner of the crop that is shown."""
    model: str = "osr-general"

    @property
    def file(self) -> str:
        """Name of its picture."""
        return safe_name(f"{self.photograph} {self.degradation}").replace("+", "-") + ".jpg"


@dataclass(frozen=True)
class Result:
    """What became of it."""

    sample: Sample
    before: float
    """PSNR of the input in dB, of the whole photograph, at most :data:`CEILING`."""
    after: float
    strip: Pixels
    """The crop of the input, of the result and, unless that is the input, of the ground truth."""


SAMPLES = (
    Sample("Clean", "chelsea", "none", 40, 130),
    Sample("Clean", "camera", "none", 60, 130),
    Sample("Clean", "brick", "none", 100, 60),
    Sample("Clean", "grass", "none", 100, 60),
    Sample("Noise", "chelsea", "noise:25,clip=1", 40, 130),
    Sample("Noise", "coffee", "noise:50,clip=1", 20, 160),
    Sample("Greyscale", "camera", "grey+noise:25,clip=1", 60, 130),
    Sample("Noise and JPEG", "coffee", "noise:15,clip=1+jpeg:75", 20, 160),
    Sample("JPEG", "chelsea", "jpeg:20", 40, 130),
    Sample("Rain", "astronaut", "rain:0.3,length=28,angle=12", 0, 110),
    Sample("Rain", "coffee", "rain:0.3,length=28,angle=12+jpeg:90", 20, 160),
    Sample("Haze", "astronaut", "haze:1.3", 0, 110),
    Sample("Low resolution", "coffee", "low_resolution:2", 20, 160),
    Sample("Low light", "astronaut", "low_light:3+jpeg:95", 0, 110, "osr-lowlight"),
)
"""In the order of the page, one section after another."""


@click.command(help=__doc__)
def main() -> None:
    """Write the page and its pictures."""
    results = [make(sample) for sample in published()]
    folder = DOCS / "images" / "gallery"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    for result in results:
        write(folder / result.sample.file, Picture(result.strip), quality=92)
    (DOCS / "gallery.md").write_text(render(results), "utf-8")


def published() -> list[Sample]:
    """Those whose model is published."""
    return [sample for sample in SAMPLES if sample.model in registry()]


def make(sample: Sample) -> Result:
    """Degrade a photograph, restore it as a file of 8 bit, and measure."""
    clean = getattr(skimage.data, sample.photograph)()
    clean = clean if clean.ndim == 3 else np.repeat(clean[..., None], 3, axis=2)
    rng = np.random.default_rng(0)
    degraded, target = map(to_levels, Chain.parse(sample.degradation)(to_float(clean), rng))
    restored = restore(degraded, backends.load(sample.model))
    shown = [degraded, restored] if sample.degradation == "none" else [degraded, restored, target]
    before, after = (min(psnr(image, target), CEILING) for image in (degraded, restored))
    return Result(sample, before, after, _strip(shown, sample))


def render(results: list[Result]) -> str:
    """The text of the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined,
        keep_trailing_newline=True, trim_blocks=True,
    )  # fmt: skip
    template = environment.get_template("gallery.md.j2")
    models = dict.fromkeys(result.sample.model for result in results)
    weights = ", ".join(f"`{name}` {registry()[name].sha256[:16]}" for name in models)
    return template.render(results=results, weights=weights, ceiling=CEILING)


def _strip(images: list[Pixels], sample: Sample) -> Pixels:
    """The same crop of each, side by side."""
    white = np.full((SIDE, GAP, 3), 255, np.uint8)
    place = np.s_[sample.top : sample.top + SIDE, sample.left : sample.left + SIDE]
    parts = [part for image in images for part in (image[place], white)]
    return np.concatenate(parts[:-1], axis=1)


if __name__ == "__main__":
    run(main)
