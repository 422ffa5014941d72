"""The pictures of a report as data URIs that together stay within a budget.

What is looked at is WebP; what is measured by eye, the maps of differences, is worked out from the
uncompressed pictures and stored without loss. If all is too large, the whole is coded again with
less of everything, in the order of :data:`STEPS`, and the report says what it left out.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.records import Description
from osr_core.errors import ImageError

BUDGET = 14_000_000
"""Characters that the data URIs of a report may take together."""

Pixels = NDArray[np.uint8]

DIFFERENCE_SCALE = 8
"""A map stores 8·√d for a difference of d levels (0 to 255): fine where d is small."""


RANKS = ("worst", "median", "best")
"""Of the images that an evaluation chooses to show, in the order of the report."""


@dataclass(frozen=True)
class Step:
    """How much of the pictures goes into the report."""

    quality: int
    """Of WebP; 100 is lossless."""
    side: int
    """Largest side in pixels; what is larger is cut to its centre."""
    block: int
    """Side of the blocks of pixels over which a difference is averaged."""
    medians: bool = True
    """Whether the median image of each column is shown beside the worst and the best."""
    baselines: bool = True
    """Whether results of classical baselines are shown."""


STEPS = (
    Step(100, 512, 1),
    Step(92, 512, 1),
    Step(86, 512, 2),
    Step(80, 448, 2),
    Step(80, 384, 2, medians=False),
    Step(78, 320, 2, medians=False, baselines=False),
    Step(75, 224, 2, medians=False, baselines=False),
    Step(70, 128, 2, medians=False, baselines=False),
)


@dataclass(frozen=True)
class Pictures:
    """What :func:`collect` found."""

    uris: Mapping[str, str]
    """Data URIs by key."""
    images: Sequence[dict[str, Any]]
    """For each image shown: column, image, rank, width, height, and the keys of its ``pictures``
    and of the ``maps`` of their differences to the truth, by ``input``, ``truth`` or model."""
    waves: Sequence[dict[str, Any]]
    """For each image of which the wave is shown: its name, and keys by ``parts``."""
    step: Step
    """How much was kept."""


@dataclass
class Store:
    """Data URIs by key; equal pictures are stored once."""

    budget: int
    uris: dict[str, str] = field(default_factory=dict)
    used: int = 0

    @property
    def full(self) -> bool:
        """Whether more was put in than the budget allows."""
        return self.used > self.budget

    def add(self, pixels: Pixels, quality: int) -> str:
        """Code a picture, (H, W) or (H, W, 3); returns its key."""
        digest = hashlib.sha1(pixels.tobytes() + str(pixels.shape).encode(), usedforsecurity=False)
        key = f"{digest.hexdigest()[:12]}-{quality}"
        if key not in self.uris:
            self.uris[key] = f"data:image/webp;base64,{_webp(pixels, quality)}"
            self.used += len(self.uris[key])
        return key


def _webp(pixels: Pixels, quality: int) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    lossless = quality == 100
    Image.fromarray(pixels).save(
        buffer, "WEBP", lossless=lossless, quality=50 if lossless else quality, method=2
    )
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def read_picture(path: Path) -> Pixels:
    """An (H, W, 3) picture of the folder; raises :class:`ImageError`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise ImageError(f"{path}: not a picture ({error}); evaluate again") from None


def difference(result: Pixels, truth: Pixels, block: int) -> Pixels:
    """Map of how far a result lies from the truth.

    Args:
        result: (H, W, 3).
        truth: of the same shape.
        block: side of the blocks of pixels whose mean is taken.

    Returns:
        (⌈H/block⌉, ⌈W/block⌉): the absolute difference *d*, averaged over the three channels and
        the block, as :data:`DIFFERENCE_SCALE` · √d.

    >>> grey = np.full((4, 4, 3), 100, np.uint8)
    >>> difference(grey + 16, grey, 2).tolist()
    [[32, 32], [32, 32]]
    """
    gap = np.abs(result.astype(np.float32) - truth).mean(2)
    height, width = gap.shape
    gap = np.pad(gap, ((0, -height % block), (0, -width % block)), mode="edge")
    gap = gap.reshape(gap.shape[0] // block, block, -1, block).mean((1, 3))
    return np.rint(DIFFERENCE_SCALE * np.sqrt(gap)).astype(np.uint8)


def collect(folder: Path, description: Description, budget: int = BUDGET) -> Pictures:
    """All pictures of an evaluation's folder, as rich as the budget allows."""
    for step in STEPS:
        store = Store(budget)
        waves = [_wave(place, step, store) for place in sorted(folder.glob("wave/*/"))]
        images = []
        for picture in _ordered(description):
            if store.full:
                break
            if step.medians or picture["rank"] != "median":
                images.append(_image(folder, picture, description, step, store))
        if not store.full:
            break
    shown = [image for image in images if image is not None]
    return Pictures(store.uris, shown, [wave for wave in waves if wave["parts"]], step)


def _ordered(description: Description) -> list[Mapping[str, str]]:
    """By column as in the matrix, from the worst to the best."""
    columns = [column.name for column in description.columns]
    return sorted(
        (picture for picture in description.pictures if picture["column"] in columns),
        key=lambda picture: (columns.index(picture["column"]), RANKS.index(picture["rank"])),
    )


def _wave(place: Path, step: Step, store: Store) -> dict[str, Any]:
    parts = {
        path.stem: store.add(_centre(read_picture(path), step.side), max(step.quality, 80))
        for path in sorted(place.glob("*.png"))
    }
    return {"name": place.name, "parts": parts}


def _image(
    folder: Path, picture: Mapping[str, str], description: Description, step: Step, store: Store
) -> dict[str, Any] | None:
    place = folder / picture["folder"]
    names = ["input", *(m.name for m in description.models if m.kind != "untouched"
                        and (step.baselines or m.kind == "network"))]  # fmt: skip
    if not (place / "truth.png").is_file():
        return None
    truth = _centre(read_picture(place / "truth.png"), step.side)
    pictures, maps = {"truth": store.add(truth, step.quality)}, {}
    for name in names:
        path = place / f"{name}.png"
        if path.is_file():
            pixels = _centre(read_picture(path), step.side)
            pictures[name] = store.add(pixels, step.quality)
            maps[name] = store.add(difference(pixels, truth, step.block), 100)
    height, width = truth.shape[:2]
    return {
        **{name: picture[name] for name in ("column", "image", "rank")},
        "width": width,
        "height": height,
        "pictures": pictures,
        "maps": maps,
    }


def _centre(pixels: Pixels, side: int) -> Pixels:
    top, left = (max(0, (length - side) // 2) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])
