"""Reprogram a model of your own: any nn.Module or nn.Cell that maps RGB to RGB.

    python examples/reprogram.py

A denoiser, here a small one that is trained on the spot, meets haze. It is frozen, and transforms
around it learn: in PyTorch, or in MindSpore where OSR_BACKEND says so. The photographs come with
scikit-image; one of them is never trained on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray

import backends
from osr.degradations import Chain
from osr.evaluation.metrics import psnr

Image = NDArray[np.float32]

SEEN, UNSEEN = ("astronaut", "chelsea", "coffee"), "rocket"
STEPS, RATE, BATCH, SIDE = 80, 5e-3, 8, 32


class PyTorch:
    """Your model, your loop and :func:`reprogram`, in PyTorch."""

    def __init__(self) -> None:
        import torch

        from backends.torch.reprogramming import reprogram

        torch.manual_seed(0)
        self.torch, self.nn, self.reprogram = torch, torch.nn, reprogram

    def model(self) -> Any:
        """Stands for yours."""
        nn = self.nn
        first, last = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 3, 3, padding=1)
        return nn.Sequential(first, nn.BatchNorm2d(16), nn.ReLU(), last)

    def fit(self, network: Any, kind: str) -> None:
        """Train whatever of the network is not frozen."""
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        optimizer = self.torch.optim.Adam(weights, RATE)
        network.train()
        for step in range(STEPS):
            degraded, clear = map(self.torch.from_numpy, batch(kind, step))
            optimizer.zero_grad()
            (network(degraded) - clear).abs().mean().backward()
            optimizer.step()

    def restore(self, network: Any, images: Image) -> Image:
        """``(N, 3, H, W)`` → the same shape."""
        with self.torch.inference_mode():
            result: Image = network.eval()(self.torch.from_numpy(images)).numpy()
        return result


class MindSpore:
    """The same in MindSpore."""

    def __init__(self) -> None:
        import mindspore

        from backends.mindspore.reprogramming import reprogram

        mindspore.set_seed(0)
        self.ms, self.nn, self.reprogram = mindspore, mindspore.nn, reprogram

    def model(self) -> Any:
        """Stands for yours."""
        nn = self.nn
        first, last = nn.Conv2d(3, 16, 3, has_bias=True), nn.Conv2d(16, 3, 3, has_bias=True)
        return nn.SequentialCell(first, nn.BatchNorm2d(16), nn.ReLU(), last)

    def fit(self, network: Any, kind: str) -> None:
        """Train whatever of the network is not frozen."""
        optimizer = self.nn.Adam(network.trainable_params(), RATE)
        gradient = self.ms.grad(
            lambda degraded, clear: (network(degraded) - clear).abs().mean(),
            None, optimizer.parameters,
        )  # fmt: skip
        network.set_train()
        for step in range(STEPS):
            optimizer(gradient(*map(self.ms.Tensor, batch(kind, step))))

    def restore(self, network: Any, images: Image) -> Image:
        """``(N, 3, H, W)`` → the same shape."""
        result: Image = network.set_train(False)(self.ms.Tensor(images)).asnumpy()
        return result


def batch(kind: str, step: int) -> tuple[Image, Image]:
    """Degraded crops and clear ones, ``(N, 3, H, W)``."""
    rng = np.random.default_rng(step)
    chain = Chain.parse(kind)
    clear = [_crop(_load(str(rng.choice(SEEN))), rng) for _ in range(BATCH)]
    return _planes([chain(image, rng)[0] for image in clear]), _planes(clear)


def main() -> None:
    """Train the model, reprogram it, and compare the two on degradation that the model never saw."""
    mine = PyTorch() if backends.name == "torch" else MindSpore()
    model = mine.model()
    mine.fit(model, "noise")
    hazy = _planes([Chain.parse("haze")(_load(UNSEEN), np.random.default_rng(1))[0]])
    _report("untouched", hazy)
    _report("the denoiser", mine.restore(model, hazy))
    reprogrammed = mine.reprogram(model)  # frozen, if not told otherwise
    mine.fit(reprogrammed, "haze")
    _report(f"reprogrammed with {backends.name}", mine.restore(reprogrammed, hazy))


def _report(title: str, result: Image) -> None:
    score = psnr(result[0].transpose(1, 2, 0), _load(UNSEEN))
    print(f"haze, {title}: {score.value:.1f} dB")


@lru_cache
def _load(name: str) -> Image:
    image: Image = (getattr(skimage.data, name)() / 255).astype(np.float32)
    return image


def _crop(image: Image, rng: np.random.Generator) -> Image:
    top, left = (int(rng.integers(side - SIDE + 1)) for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]


def _planes(images: list[Image]) -> Image:
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))


if __name__ == "__main__":
    main()
