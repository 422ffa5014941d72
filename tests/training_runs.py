"""A tiny training run, for the tests of everything that has to do with training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from osr.images import Picture, write
from osr.training import run
from osr.training.loop import TrainingLoop
from osr.training.recipe import Recipe, Scheduler, Validation
from osr.training.run_folder import locked
from osr.training.sampling import Samples
from osr_core.backend import SINGLE
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet
from osr_core.training.options import Optimizer

SPEC = ModelSpec(UNet((8, 8), 1), InputTransform(2), OutputTransform(4, residual=True))
SAMPLING_WEIGHTS = {
    "clean": 1.0,
    "pairs": 1.0,
    "noise": 4.0,
    "haze": 1.0,
    "rain": 1.0,
    "mixture": 1.0,
}

TOML = """
steps = 6
batch_size = 4
crop_size = 16
checkpoint_every = 2
log_every = 1
[sampling_weights]
noise = 1
[optimizer]
lr = 2e-3
[scheduler]
warmup = 2
[validation]
every = 3
samples = 2
[spec.backbone]
kind = "unet"
widths = [8, 8]
blocks = 1
[spec.input_transform]
channels = 2
[spec.output_transform]
channels = 4
residual = true
"""
"""The same run as a file."""


def make_recipe(folder: Path, **changes: object) -> Recipe:
    settings: dict[str, object] = {
        "spec": SPEC,
        "sampling_weights": SAMPLING_WEIGHTS,
        "data": {"photographs": str(folder / "clear"), "pairs": str(folder / "pairs")},
        "steps": 6,
        "batch_size": 4,
        "crop_size": 16,
        "checkpoint_every": 2,
        "log_every": 1,
        "optimizer": Optimizer(lr=2e-3),
        "scheduler": Scheduler(warmup=2),
        "validation": Validation(every=3, samples=2),
    }
    return Recipe(**{**settings, **changes})  # type: ignore[arg-type]


def make_samples(folder: Path, **changes: object) -> Samples:
    return Samples.of(make_recipe(folder, **changes))


def make_images(folder: Path) -> Path:
    """``clear/`` with three smooth coloured pictures, ``pairs/input`` and ``pairs/gt`` with two."""
    rows, columns = np.mgrid[:60, :80] / 80
    for index in range(3):
        planes = (rows, columns, np.cos(index + 3 * rows * columns) ** 2)
        pixels = np.stack(planes, 2)
        _write(folder / "clear" / f"{index}.png", pixels)
        if index < 2:
            _write(folder / "pairs" / "gt" / f"{index}.png", pixels)
            _write(folder / "pairs" / "input" / f"{index}.png", pixels / 2)
    return folder


def _write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Picture((pixels * 255).astype(np.uint8)))


def make_trainer(backend, recipe):
    return run.make_trainer(backend, recipe, SINGLE)[0]


def train(backend, samples, folder, resume=True):
    """A run of one stage: the weights of its last step, and its summary."""
    trainer = make_trainer(backend, samples.recipe)
    with locked(folder):
        loop = TrainingLoop(trainer, samples, folder, {"data": "test"}, resume=resume)
        summary = loop.run(workers=0)
    return trainer.network.state(), summary


def assert_equal(state, other):
    assert state.keys() == other.keys()
    for name, value in state.items():
        assert np.array_equal(value, other[name]), name
