"""A small evaluation's folder with pictures of its own, for the tests of the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from osr.evaluation.columns import Column
from osr.evaluation.models import Model
from osr.evaluation.records import Description, Row, open_rows

BAD_NAME = "</script><script>alert('x')</script> & \"co\" | *b*"

MODELS = (
    Model("input", "Input", "input"),
    Model("net", "A network", "network", 1234, seen=["rain"], provenance={"a": "<b>"}),
    Model("other", BAD_NAME, "network", 99, seen=["rain", "noise"]),
    Model("median", "Median filter", "baseline", seen=["noise"]),
    Model("gamma", "Gamma", "baseline", seen=["low_light"]),
)
COLUMNS = (
    Column("rainy <set>", "rainy <set>", None, "rain", "Y, crop 0, 8-bit", 5),
    Column("set noise:25", "set", "noise:25", "noise", "RGB, crop 0, 8-bit", 4),
    Column("dark", "dark", None, "low_light", "RGB, crop 0, 8-bit", 3),
    Column("set none", "set", "none", "none", "RGB, crop 0, 8-bit", 2),
)
MEAN_GAINS = {
    "net": (4.0, -1.5, 0.3),
    "other": (3.0, 5.0, -0.8),
    "median": (None, 1.0, None),
    "gamma": (None, None, 2.0),
}


def make_folder(folder: Path, pictures: bool = True, rows: bool = True) -> Path:
    """Fill a folder as an evaluation does."""
    shown = _pictures(folder) if pictures else []
    Description(MODELS, COLUMNS, 0, "numpy", software=["osr 0.0"], pictures=shown).save(folder)
    if rows:
        with open_rows(folder) as write:
            for row in _rows():
                write(row)
    return folder


def _rows() -> list[Row]:
    rng = np.random.default_rng(0)
    rows = []
    for index, column in enumerate(COLUMNS):
        for number in range(column.images):
            before = float("inf") if column.clean else 20 + rng.normal()
            for model in MODELS:
                after = before
                if model.kind != "input":
                    gain = (*MEAN_GAINS[model.name], None if model.kind == "baseline" else 0)[index]
                    if gain is None:
                        continue
                    after = 40 + rng.normal() if column.clean else before + gain + rng.normal()
                image = f"part/{number}.png"
                rows.append(Row(model.name, column.name, image, before, after,
                                0.8, 0.9, 96, 64, 0.1))  # fmt: skip
    return rows


def _pictures(folder: Path) -> list[dict[str, str]]:
    rng = np.random.default_rng(1)
    shown = []
    for index, column in enumerate(COLUMNS):
        for number, rank in enumerate(("worst", "median", "best")[: column.images]):
            place = f"pictures/column-{index}/{number}"
            truth = _scene(rng, (64, 96) if number else (96, 64))
            degraded = truth + rng.normal(0, 25, truth.shape)
            for name, share in (("truth", 0.0), ("input", 1.0), ("net", 0.3), ("other", 0.2)):
                _save(folder / place / f"{name}.png", truth + share * (degraded - truth))
            if column.kind == "noise":
                _save(folder / place / "median.png", truth + 0.5 * (degraded - truth))
            shown.append({"column": column.name, "image": f"part/{number}.png", "rank": rank,
                          "folder": place})  # fmt: skip
    for name in ("image", "amplitude", "phase", "real", "imaginary", "gate"):
        _save(folder / "wave" / "a-photo" / f"{name}.png", _scene(rng, (48, 64)))
    return shown


def _scene(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]] / 64.0
    waves = [np.sin(6 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))]
    return 128 + 90 * np.stack(waves, 2)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8)).save(path)
