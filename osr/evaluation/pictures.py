"""The pictures of a report: for each column the worst, the median and the best image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from osr.evaluation.columns import Column
from osr.evaluation.models import Model, safe_name
from osr.evaluation.statistics import Results
from osr.images import Picture, centre, to_levels, write

LONGEST_SIDE = 512
"""Pixels; larger images are cropped to their centre, never resized."""


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


def _folder_name(image: str) -> str:
    """A folder for an image, a different one for each name."""
    safe = safe_name(image)
    return safe if safe == image else f"{safe}-{crc32(image.encode()):08x}"
