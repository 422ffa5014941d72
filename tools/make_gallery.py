"""Make the page of photographs before and after, docs/gallery.md, with its pictures and figures.

    python tools/make_gallery.py

The photographs come with scikit-image and are free; docs/gallery.md names their authors. No model
was trained on them.
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

SIDE = 240
"""Of a crop, in pixels."""

PHOTOGRAPHS = {
    "astronaut": "NASA, public domain",
    "brick": "CC0",
    "camera": "Lav Varshney, CC0",
    "chelsea": "Stéfan van der Walt, CC0",
    "coffee": "Rachel Michetti, CC0",
    "coins": "Brooklyn Museum, no known copyright",
    "grass": "CC0",
    "gravel": "CC0",
    "hubble_deep_field": "NASA, public domain",
    "immunohistochemistry": "CMMI, no known copyright",
    "retina": "Mikael Häggström, CC0",
    "rocket": "SpaceX, public domain",
}
"""Functions of ``skimage.data``, with author and licence."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """A photograph of the page."""

    section: str
    photograph: str
    """A key of :data:`PHOTOGRAPHS`."""
    degradation: str
    """A chain; ``none`` for a clean photograph."""
    top: int
    left: int
    """Corner of the crop that is shown."""
    model: str = "osr-general"

    @property
    def parts(self) -> tuple[str, ...]:
        """Its pictures, in their order."""
        return ("input", "result") + (() if self.degradation == "none" else ("original",))

    def file(self, part: str) -> str:
        """Name of a picture."""
        return safe_name(f"{self.photograph} {self.degradation} {part}").replace("+", "-") + ".jpg"


@dataclass(frozen=True)
class Result:
    """What became of it."""

    sample: Sample
    before: float
    """PSNR of the input in dB, of the whole photograph, at most :data:`CEILING`."""
    after: float
    crops: list[Pixels]
    """Of the parts of the sample; the original is the ground truth."""


SAMPLES = (
    Sample("Clean", "chelsea", "none", 40, 130),
    Sample("Clean", "camera", "none", 60, 130),
    Sample("Clean", "brick", "none", 100, 60),
    Sample("Clean", "grass", "none", 100, 60),
    Sample("Clean", "gravel", "none", 100, 60),
    Sample("Clean", "rocket", "none", 100, 200),
    Sample("Clean", "hubble_deep_field", "none", 300, 300),
    Sample("Clean", "immunohistochemistry", "none", 100, 100),
    Sample("Noise", "chelsea", "noise:25,clip=1", 40, 130),
    Sample("Noise", "coffee", "noise:50,clip=1", 20, 160),
    Sample("Noise", "retina", "noise:15,clip=1", 500, 300),
    Sample("Greyscale", "camera", "grey+noise:25,clip=1", 60, 130),
    Sample("Noise and JPEG", "coffee", "noise:15,clip=1+jpeg:75", 20, 160),
    Sample("JPEG", "chelsea", "jpeg:20", 40, 130),
    Sample("JPEG", "coins", "jpeg:20", 30, 60),
    Sample("Rain", "astronaut", "rain:0.3,length=28,angle=12", 0, 110),
    Sample("Rain", "coffee", "rain:0.3,length=28,angle=12+jpeg:90", 20, 160),
    Sample("Haze", "astronaut", "haze:1.3", 0, 110),
    Sample("Low resolution", "coffee", "low_resolution:2", 20, 160),
    Sample("Motion blur", "rocket", "motion:15", 100, 200),
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
        for part, crop in zip(result.sample.parts, result.crops, strict=True):
            write(folder / result.sample.file(part), Picture(crop), quality=92)
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
    before, after = (min(psnr(image, target), CEILING) for image in (degraded, restored))
    place = np.s_[sample.top : sample.top + SIDE, sample.left : sample.left + SIDE]
    shown = (degraded, restored, target)[: len(sample.parts)]
    return Result(sample, before, after, [image[place] for image in shown])


def render(results: list[Result]) -> str:
    """The text of the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined,
        keep_trailing_newline=True, trim_blocks=True,
    )  # fmt: skip
    template = environment.get_template("gallery.md.j2")
    models = dict.fromkeys(result.sample.model for result in results)
    weights = ", ".join(f"`{name}` {registry()[name].sha256[:16]}" for name in models)
    return template.render(
        results=results, weights=weights, ceiling=CEILING, photographs=PHOTOGRAPHS, side=SIDE
    )


if __name__ == "__main__":
    run(main)
