"""Reprogram a model of your own: any nn.Module or nn.Cell that maps RGB to RGB.

    python examples/reprogram.py

A small denoiser is trained first; it stands for your model. Then it is frozen, and transforms
around it are trained on haze: in PyTorch, or in MindSpore with OSR_BACKEND=mindspore. The
photographs come with scikit-image; one of them is never trained on.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray

import backends
from osr.degradations import Chain
from osr.evaluation.metrics import psnr
from osr_core import Checkpoint, restore
from osr_core.training.options import TrainerOptions

Image = NDArray[np.float32]

SEEN, UNSEEN = ("astronaut", "chelsea", "coffee"), "rocket"
STEPS, RATE, BATCH, SIDE = 60, 1e-2, 8, 32


def main() -> None:
    """Train the model, reprogram it for haze, save it, load it, restore."""
    model = your_model()
    fit(model, "noise")
    network = backends.reprogram(model)  # frozen: only the transforms learn
    photograph = load(UNSEEN)
    hazy, _ = Chain.parse("haze")(photograph, np.random.default_rng(1))
    print(f"haze, input: {psnr(hazy, photograph):.1f} dB")
    fit(network, "haze")
    with TemporaryDirectory() as folder:  # as you would keep it
        path = Path(folder) / "mine.safetensors"
        Checkpoint(network.spec, network.state()).save(path)
        loaded = backends.load(path, backbone=model)
    restored = restore(hazy, loaded)
    print(f"haze, reprogrammed with {backends.name}: {psnr(restored, photograph):.1f} dB")


def your_model() -> Any:
    """Any restoration network; this one is a toy."""
    if backends.name == "torch":
        from torch import manual_seed, nn

        manual_seed(0)
        first, last = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 3, 3, padding=1)
        return nn.Sequential(first, nn.BatchNorm2d(16), nn.ReLU(), last)
    from mindspore import nn as cells
    from mindspore import set_seed

    set_seed(0)
    start, end = cells.Conv2d(3, 16, 3, has_bias=True), cells.Conv2d(16, 3, 3, has_bias=True)
    return cells.SequentialCell(start, cells.BatchNorm2d(16), cells.ReLU(), end)


def fit(network: Any, degradation: str) -> None:
    """Train whatever of the network is not frozen; your own training loop does as well."""
    trainer = backends.Trainer(network, TrainerOptions())
    chain = Chain.parse(degradation)
    for step in range(STEPS):
        rng = np.random.default_rng(step)
        clean = [crop(load(str(rng.choice(SEEN))), rng) for _ in range(BATCH)]
        degraded = [chain(image, rng)[0] for image in clean]
        trainer.step(planes(degraded), planes(clean), RATE)


def load(name: str) -> Image:
    """A photograph, (H, W, 3) in [0, 1]."""
    photograph: NDArray[np.uint8] = getattr(skimage.data, name)()
    return photograph.astype(np.float32) / 255


def crop(image: Image, rng: np.random.Generator) -> Image:
    """A random part of it."""
    top, left = (int(rng.integers(side - SIDE + 1)) for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]


def planes(images: list[Image]) -> Image:
    """A batch, (N, 3, H, W)."""
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))


if __name__ == "__main__":
    main()
