"""The losses and their weighted sum. Twin of :mod:`backends.mindspore.losses`.

Their definitions: :data:`osr_core.training.losses.LOSSES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from osr_core.training.losses import CHARBONNIER_EPSILON, PSNR_FLOOR, check_losses
from osr_core.training.vgg import MEAN, STAGES, STD, require_vgg


def _l1(result: Tensor, target: Tensor) -> Tensor:
    return (result - target).abs().mean()


def _smooth_l1(result: Tensor, target: Tensor) -> Tensor:
    return F.smooth_l1_loss(result, target)


def _charbonnier(result: Tensor, target: Tensor) -> Tensor:
    return ((result - target).square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def _mse(result: Tensor, target: Tensor) -> Tensor:
    return (result - target).square().mean()


def _rmse(result: Tensor, target: Tensor) -> Tensor:
    errors = (result - target).square().mean((1, 2, 3))  # (N,)
    return (errors + PSNR_FLOOR).sqrt().mean() - PSNR_FLOOR**0.5


def _psnr(result: Tensor, target: Tensor) -> Tensor:
    errors = (result - target).square().mean((1, 2, 3))  # (N,)
    return (1 + errors / PSNR_FLOOR).log().mean()


def _frequency(result: Tensor, target: Tensor) -> Tensor:
    spectrum = torch.fft.fft2(result - target)  # (N, 3, H, W) complex
    return (spectrum.real.abs() + spectrum.imag.abs()).mean() / 2


class Perceptual(nn.Module):
    """Mean squared distance of VGG16 features; VGG16 itself is constant."""

    mean: Tensor
    std: Tensor

    def __init__(self, vgg: Mapping[str, NDArray[Any]] | None) -> None:
        super().__init__()
        # Buffers follow the module to its device; these belong to no checkpoint.
        for name, values in require_vgg(vgg).items():
            self.register_buffer(_attribute(name), torch.from_numpy(values.copy()), False)
        self.pool = nn.MaxPool2d(2)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], False)

    def forward(self, result: Tensor, target: Tensor) -> Tensor:
        """Two of ``(N, 3, H, W)``, sides at least 4 → a scalar."""
        pairs = zip(self.features(result), self.features(target), strict=True)
        terms = [_mse(ours, theirs) for ours, theirs in pairs]
        return (terms[0] + terms[1] + terms[2]) / 3

    def features(self, image: Tensor) -> list[Tensor]:
        """``(N, 3, H, W)`` → relu1_2, relu2_2, relu3_3 ``(N, 64·2ⁿ, H/2ⁿ, W/2ⁿ)``."""
        x = (image - self.mean) / self.std
        found: list[Tensor] = []
        for stage in STAGES:
            if found:
                x = self.pool(x)
            for name in stage:
                weight = getattr(self, _attribute(f"{name}.weight"))
                bias = getattr(self, _attribute(f"{name}.bias"))
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
            found.append(x)
        return found


class Loss(nn.Module):
    """A weighted sum of losses, computed in float32 also under autocast.

    Args:
        weights: loss (:data:`osr_core.training.losses.LOSSES`) → its weight.
        vgg: VGG16's weights (``weights.vgg.load_vgg``); ``perceptual`` needs them.

    Raises:
        OptionError: for an unknown loss, a wrong weight, or a perceptual loss without VGG16.
        CheckpointError: if ``vgg`` is not VGG16's.
    """

    def __init__(
        self, weights: Mapping[str, float], vgg: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        super().__init__()
        check_losses(weights)
        self.weights = dict(weights)
        if "perceptual" in weights:
            self.perceptual = Perceptual(vgg)

    def forward(self, result: Tensor, target: Tensor) -> Tensor:
        """Two of ``(N, 3, H, W)``, any floating type → a scalar, float32."""
        with torch.autocast(result.device.type, enabled=False):
            result, target = result.float(), target.float()
            total = result.new_zeros(())
            for name, weight in self.weights.items():
                term = self.perceptual if name == "perceptual" else TERMS[name]
                total = total + weight * term(result, target)
            return total


TERMS = {
    "l1": _l1,
    "smooth_l1": _smooth_l1,
    "charbonnier": _charbonnier,
    "mse": _mse,
    "rmse": _rmse,
    "psnr": _psnr,
    "frequency": _frequency,
}
"""The losses that are plain functions, by name."""


def _attribute(name: str) -> str:
    return name.replace(".", "_")
