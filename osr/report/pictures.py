"""The pictures of a report: of each column the worst, the median and the best image.

They are saved as PNG in the folder of the evaluation, and put into the page as data URIs that
together stay within a budget: WebP, and maps of differences, computed from the uncompressed
pictures and stored without loss. If all of it is too large, everything is coded once more, cropped
to a smaller centre.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osr.evaluation.columns import Column
from osr.evaluation.models import Model, safe_name
from osr.evaluation.records import Description
from osr.evaluation.statistics import Results
from osr.images import Picture, centre, read, to_levels, to_rgb8, write

LONGEST_SIDE = 512
"""Pixels; larger images are cropped to their centre, never resized."""

BUDGET = 14_000_000
"""Characters that the data URIs of a report may take together."""

QUALITY = 90
"""Of WebP."""

DIFFERENCE_SCALE = 8
"""A map stores 8·√d for a difference of d levels (0 to 255): fine where d is small."""

RANKS = ("worst", "median", "best")
"""Of the images that an evaluation chooses to show, in the order of the report."""

_LEAST_SIDE = 32

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """The result of :func:`collect`."""

    side: int
    """Largest side in pixels; larger pictures are cropped to their centre."""
    uris: Mapping[str, str]
    """Data URIs by key; equal pictures are stored once."""
    images: Sequence[dict[str, Any]]
    """For each image shown: column, image, rank, width, height, and the keys of its ``pictures``
    and of the ``maps`` of their differences to the truth, by ``input``, ``truth`` or model."""
    waves: Sequence[dict[str, Any]]
    """For each image whose wave is shown: its name, and keys by ``parts``."""


def choose(results: Results, model: str) -> list[dict[str, str]]:
    """The images to show, by a model's gain: column, image, rank, and folder of their pictures.

    Rank is ``worst``, ``best`` or ``median``; a column of fewer than three images shows all.
    """
    chosen = []
    for column in results.columns:
        rows = results.cell(model, column.name)
        order = np.argsort(results.gain(model, column.name), kind="stable")
        ranks: dict[int, str] = {}
        for rank, place in (("worst", 0), ("best", -1), ("median", len(rows) // 2)):
            if rows:
                ranks.setdefault(int(order[place]), rank)
        for index, rank in ranks.items():
            image = rows[index].image
            folder = f"pictures/{safe_name(column.name)}/{_folder_name(image)}"
            chosen.append({"column": column.name, "image": image, "rank": rank, "folder": folder})
    return chosen


def save_pictures(
    chosen: Sequence[Mapping[str, str]],
    models: Sequence[Model],
    columns: Sequence[Column],
    folder: Path,
    seed: int,
) -> None:
    """Restore the chosen images again and write those of input, truth and results not yet there.

    Of the first model that can be inspected, amplitude, phase and gates of the last image of each
    column, the median, are written as well.
    """
    inspect = next((model.inspect for model in models if model.inspect), None)
    for column in columns:
        places = {item.name: index for index, item in enumerate(column.items)}
        shown = [c for c in chosen if c["column"] == column.name and c["image"] in places]
        rows = {m.name: m.run for m in models if m.run is not None and m.fits(column)}
        for choice in shown:
            place = folder / choice["folder"]
            missing = [n for n in ("input", "truth", *rows) if not (place / f"{n}.png").exists()]
            wave = folder / "wave" / safe_name(f"{column.name} {choice['image']}")
            inspected = inspect is None or choice is not shown[-1] or wave.exists()
            if inspected and not missing:
                continue
            place.mkdir(parents=True, exist_ok=True)
            degraded, truth = column.load(places[choice["image"]], seed)
            for name in missing:
                run = rows.get(name)
                image = truth if name == "truth" else run(degraded) if run else degraded
                pixels = to_levels(centre(image, LONGEST_SIDE, LONGEST_SIDE))
                write(place / f"{name}.png", Picture(pixels))
            if inspect is not None and not inspected:
                inspect(degraded, wave)


def collect(folder: Path, description: Description, budget: int = BUDGET) -> Pictures:
    """All pictures of an evaluation's folder, as large as the budget allows."""
    pictures = _collect(folder, description, LONGEST_SIDE)
    used = sum(map(len, pictures.uris.values()))
    if used <= budget:
        return pictures
    side = int(0.95 * LONGEST_SIDE * math.sqrt(budget / used))
    return _collect(folder, description, max(_LEAST_SIDE, side))


def difference(result: Pixels, truth: Pixels) -> Pixels:
    """Map of the differences between two (H, W, 3) pictures, of half their height and width.

    Holds the absolute difference *d*, averaged over the channels and 2×2 pixels, as
    :data:`DIFFERENCE_SCALE` · √d.

    >>> grey = np.full((4, 4, 3), 100, np.uint8)
    >>> difference(grey + 16, grey).tolist()
    [[32, 32], [32, 32]]
    """
    gap = np.abs(result.astype(np.float32) - truth).mean(2)
    gap = cv2.resize(
        gap, (-(-gap.shape[1] // 2), -(-gap.shape[0] // 2)), interpolation=cv2.INTER_AREA
    )
    return np.rint(DIFFERENCE_SCALE * np.sqrt(gap)).astype(np.uint8)


def _collect(folder: Path, description: Description, side: int) -> Pictures:
    uris: dict[str, str] = {}

    def add(pixels: Pixels, lossless: bool = False) -> str:
        key = hashlib.sha256(pixels.tobytes() + str(pixels.shape).encode()).hexdigest()[:12]
        if key not in uris:
            uris[key] = _webp(pixels, lossless)
        return key

    def picture(path: Path) -> Pixels:
        return centre(to_rgb8(read(path).pixels), side, side)

    def image(shown: Mapping[str, str]) -> dict[str, Any]:
        place = folder / shown["folder"]
        names = ["input", *(m.name for m in description.models if m.kind != "input")]
        truth = picture(place / "truth.png")
        pixels = {n: picture(place / f"{n}.png") for n in names if (place / f"{n}.png").is_file()}
        return {
            **{name: shown[name] for name in ("column", "image", "rank")},
            "width": truth.shape[1],
            "height": truth.shape[0],
            "pictures": {"truth": add(truth), **{n: add(p) for n, p in pixels.items()}},
            "maps": {n: add(difference(p, truth), lossless=True) for n, p in pixels.items()},
        }

    def wave(place: Path) -> dict[str, Any]:
        parts = {path.stem: add(picture(path)) for path in sorted(place.glob("*.png"))}
        return {"name": place.name, "parts": parts}

    columns = [column.name for column in description.columns]
    shown = sorted(
        (p for p in description.pictures if (folder / p["folder"] / "truth.png").is_file()),
        key=lambda p: (columns.index(p["column"]), RANKS.index(p["rank"])),
    )
    waves = map(wave, sorted(folder.glob("wave/*/")))
    return Pictures(side, uris, [image(p) for p in shown], [w for w in waves if w["parts"]])


def _webp(pixels: Pixels, lossless: bool) -> str:
    buffer = io.BytesIO()
    quality = 50 if lossless else QUALITY
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=lossless, quality=quality, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _folder_name(image: str) -> str:
    """A folder for an image, a different one for each name."""
    safe = safe_name(image)
    return safe if safe == image else f"{safe}-{crc32(image.encode()):08x}"
