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

from backends.torch.layers import hard_gate
from osr_core.operations import ROUTE
from osr_core.training.losses import TERMS as SHARED_TERMS
from osr_core.training.losses import check_losses, mse
from osr_core.training.routing import FIT, FLOOR, MISSED, MOST_DB, NEEDED_DB, WHOLE
from osr_core.training.vgg import MEAN, STAGES, STD, require_vgg


def _smooth_l1(result: Tensor, target: Tensor) -> Tensor:
    return F.smooth_l1_loss(result, target)


def _frequency(result: Tensor, target: Tensor) -> Tensor:
    spectrum = torch.fft.fft2(result - target)  # (N, 3, H, W) complex
    return (spectrum.real.abs() + spectrum.imag.abs()).mean() / 2


def routing_loss(
    routes: Tensor, gates: Tensor, products: Tensor, targets: Tensor, needs: Tensor
) -> Tensor:
    """The loss of a router and of gates, a scalar.

    The router: cross-entropy with whether an image needs an expert. The gates, where the router
    lets an expert run: cross-entropy with the least-squares weights, and the error that they
    leave, relative to that of the image, on a log scale, of cells and of whole images.

    Args:
        routes: logits of the router, ``(N, K)``.
        gates: logits of the gates, ``(N, K, h, w)``.
        products: :func:`osr_core.training.routing.inner_products`; the last three arguments are
            fields of :class:`osr_core.training.routing.Samples`.
        targets: of the gates.
        needs: of each image for each expert.
    """
    needed = (needs > NEEDED_DB).float()
    missed = MISSED * needs.clamp(NEEDED_DB, MOST_DB)
    weights = needed * missed + (1 - needed)
    router = (_cross_entropy(routes, needed) * weights).mean()
    running = hard_gate(routes.detach(), ROUTE)[..., None, None]  # (N, K, 1, 1)
    fit = (_cross_entropy(gates, targets) * running).mean()
    shares = torch.cat((torch.sigmoid(gates) * running, -torch.ones_like(gates[:, :1])), 1)
    error = (shares[:, :, None] * shares[:, None] * products).sum((1, 2))  # (N, h, w)
    before = products[:, -1, -1]
    cells = _log_ratio(error, before)
    images = _log_ratio(error.mean((1, 2)), before.mean((1, 2)))
    return router + FIT * fit + cells + WHOLE * images


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Of ``sigmoid(logits)`` and targets in [0, 1], of the same shape."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def _log_ratio(error: Tensor, before: Tensor) -> Tensor:
    return (torch.log10(error.clamp(min=0) + FLOOR) - torch.log10(before + FLOOR)).mean()


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
        terms = [mse(ours, theirs) for ours, theirs in pairs]
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


TERMS = {**SHARED_TERMS, "smooth_l1": _smooth_l1, "frequency": _frequency}
"""The losses that are plain functions, by name."""


def _attribute(name: str) -> str:
    return name.replace(".", "_")
