"""Program: kill writers at each of their system calls in turn, and read what they left.

``python tests/killed_writer.py FOLDER [WRITER...]`` prints the number of system calls of each.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from killing import run_until

from osr.evaluation.records import Description, Row, open_rows, read_rows
from osr.images import Picture, write
from osr.training.recipe import Recipe
from osr.training.run_folder import MODEL, RunFolder
from osr.training.run_log import _append, _forget
from osr.training.run_state import RunState
from osr_core.checkpoint import Checkpoint
from osr_core.initial import initial_state
from osr_core.spec import ModelSpec, UNet
from weights import ckpt, pth

LIMIT = 2000
"""System calls after which something is wrong."""

SPEC = ModelSpec(UNet((4,), 1))
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
STATES = [initial_state(SPEC, seed) for seed in range(2)]


@dataclass
class Writer:
    """Writes an old and a new version, and reads what is there, in parts."""

    write: Callable[[Path, int], object]
    read: Callable[[Path], tuple[Any, ...]]


def _file(name: str, write: Callable[[Path, int], object]) -> Writer:
    return Writer(
        lambda folder, version: write(folder / name, version),
        lambda folder: ((folder / name).read_bytes(),),
    )


def _image(suffix: str) -> Writer:
    return _file(f"a.{suffix}", lambda path, new: write(path, Picture(255 - PIXELS * (1 - new))))


def _save_checkpoint(path: Path, new: int) -> None:
    Checkpoint(SPEC, STATES[new]).save(path)


def _state() -> Writer:
    recipe = Recipe(SPEC, {"noise": 1.0}, steps=9, max_checkpoints=1)

    def save(path: Path, new: int) -> None:
        folder, weights = RunFolder(path, recipe, "images"), dict(STATES[new])
        state = RunState(weights, weights, {}, step=2 + 2 * new)
        folder.save(state)
        folder.publish(MODEL, weights, state.step, {})

    def read(path: Path) -> tuple[int, int]:
        folder = RunFolder(path, recipe, "images")
        state = folder.load({})
        assert state is not None
        return state.step, folder.published_step()

    return Writer(save, read)


def _rows() -> Writer:
    row = Row("m", "c", "0", 1.0, 2.0, 0.5, 0.6, 8, 8, 0.1)

    def append(folder: Path, new: int) -> None:
        with open_rows(folder) as add:
            add(replace(row, image=str(new)))

    return Writer(append, lambda folder: (read_rows(folder),))


def _metrics() -> Writer:
    def read(folder: Path) -> tuple[str]:
        _forget(folder / "metrics.jsonl", 10)
        return ((folder / "metrics.jsonl").read_text(),)

    return Writer(lambda f, new: _append(f / "metrics.jsonl", {"step": float(new)}), read)


WRITERS: dict[str, Callable[[], Writer]] = {
    "png": lambda: _image("png"),
    "jpeg": lambda: _image("jpg"),
    "tiff": lambda: _image("tif"),
    "checkpoint": lambda: _file("a.safetensors", _save_checkpoint),
    "ckpt": lambda: _file("a.ckpt", lambda path, new: ckpt.write(path, STATES[new], {"a": "b"})),
    "pth": lambda: _file("a.pth", lambda path, new: pth.write(path, STATES[new], {"a": "b"})),
    "state": _state,
    "rows": _rows,
    "description": lambda: Writer(
        lambda folder, new: Description((), (), seed=new).save(folder),
        lambda folder: (Description.load(folder).seed,),
    ),
    "metrics": _metrics,
    "careless": lambda: _file("a.bin", lambda path, new: path.write_bytes(bytes([new]) * 9)),
}
"""The last one is not atomic, to show that this program notices."""


def check(name: str, folder: Path) -> int:
    """Kill at call 1, 2, … until the writer ends by itself; the number of its calls."""
    writer, old, new, trial = WRITERS[name](), folder / "old", folder / "new", folder / "trial"
    for place in (old, new):
        place.mkdir(parents=True)
        writer.write(place, 0)
    writer.write(new, 1)
    expected = [{first, second} if isinstance(first, (int, str, bytes)) else [first, second]
                for first, second in zip(writer.read(old), writer.read(new), strict=True)]
    seen = set()
    for number in range(1, LIMIT):
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(old, trial)
        killed = run_until(lambda: writer.write(trial, 1), number)
        found = writer.read(trial)
        for part, versions in zip(found, expected, strict=True):
            assert part in versions, f"{name}: call {number}: neither old nor new"
        seen.add(repr(found))
        assert len(list(trial.glob(".osr-*"))) <= 1
        if not killed:
            assert found == writer.read(new), "the writer ended without writing"
            assert len(seen) >= 2
            return number - 1
    raise AssertionError(f"{name}: more than {LIMIT} system calls")


if __name__ == "__main__":
    for chosen in sys.argv[2:] or [*WRITERS][:-1]:
        calls = check(chosen, Path(sys.argv[1], chosen))
        sys.stdout.write(f"{chosen}: {calls} system calls\n")
