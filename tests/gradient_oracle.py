"""Gradients in float64: the operations of osr_core.networks by torch.nn.functional.

No layer of either backend takes part, only PyTorch's differentiation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from osr_core.blockiness import CONTRAST, FLAT, JUMP, LUMA, PERIOD, STRONGEST
from osr_core.context import AIRLIGHT, COUNT, DARKEST_MAX, PATCH, SIDE
from osr_core.levels import FAINT, LEVEL_SCALE
from osr_core.networks import network
from osr_core.operations import LEAKY_SLOPE
from osr_core.spec import ModelSpec


def loss_and_gradients(
    spec: ModelSpec,
    state: Mapping[str, NDArray[Any]],
    images: NDArray[Any],
    targets: NDArray[Any],
) -> tuple[float, dict[str, NDArray[np.float64]]]:
    """The mean absolute error of a batch, and its gradient by every weight."""
    weights = {
        name: torch.tensor(array, dtype=torch.float64, requires_grad=True)
        for name, array in state.items()
    }
    x, y = (torch.tensor(a, dtype=torch.float64) for a in (images, targets))
    loss = (network(TorchOps(weights), spec, x) - y).abs().mean()
    gradients = torch.autograd.grad(loss, list(weights.values()))
    return loss.item(), {n: g.numpy() for n, g in zip(weights, gradients, strict=True)}


class TorchOps:
    """See :class:`osr_core.operations.Ops`."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.weights = weights

    def conv(self, name, x, out_channels, kernel=3, *, stride=1, bias=True, init="he"):
        weight, offset = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")
        return F.conv2d(x, weight, offset if bias else None, stride, kernel // 2)

    def deconv(self, name, x):
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return F.conv_transpose2d(x, weight, bias, 2, 1, 1)

    def coefficients(self, name, shape):
        return self.weights[name]

    def scale(self, x, coefficients):
        return x * coefficients[: x.shape[1], None, None]

    def affine(self, x, scale, shift):
        return x * scale + shift

    def add(self, x, y):
        return x + y

    def sub(self, x, y):
        return x - y

    def mul(self, x, y):
        return x * y

    def relu(self, x):
        return F.relu(x)

    def leaky(self, x, slope=LEAKY_SLOPE):
        return F.leaky_relu(x, slope)

    def sigmoid(self, x):
        return torch.sigmoid(x)

    def wave(self, amplitude, phase):
        return amplitude * torch.cos(phase), amplitude * torch.sin(phase)

    def concat(self, x, y):
        return torch.cat((x, y), 1)

    def split(self, x):
        return x.chunk(2, 1)

    def unshuffle(self, x, side):
        return F.pixel_unshuffle(x, side)

    def shuffle(self, x, side):
        return F.pixel_shuffle(x, side)

    def subpixel(self, name, x, out_channels, factor):
        return self.shuffle(self.conv(name, x, out_channels * factor**2, 1), factor)

    def thumbnail(self, x):
        return _means(_means(x, 2), 3)

    def haze_amount(self, thumbnail):
        darkest = thumbnail.flatten(1).min(1).values.clamp(0, DARKEST_MAX).reshape(-1, 1, 1, 1)
        return darkest / (AIRLIGHT - darkest)

    def patches(self, x):
        rows, columns = map(_starts, x.shape[2:])
        x = F.pad(x, (0, PATCH, 0, PATCH), "replicate")
        parts = [x[:, :, i : i + PATCH, j : j + PATCH] for i in rows for j in columns]
        return torch.stack(parts, 1).flatten(0, 1)

    def mean_of_patches(self, x):
        return x.unflatten(0, (-1, COUNT)).mean((1, 3, 4))[..., None, None]

    def blockiness(self, patches):
        luma = torch.tensordot(torch.tensor(LUMA, dtype=patches.dtype), patches, ([0], [1]))
        return torch.cat((_edges(luma.mT), _edges(luma)), 1)[..., None, None]

    def level(self, x, cell):
        energy = F.avg_pool2d((x * x).mean(1, keepdim=True), cell)
        return LEVEL_SCALE * torch.log10(1 + energy / FAINT)

    def upsample(self, x, factor):
        return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)

    def gated(self, gate, x, like):
        return x()

    def mean(self, x):
        return x.mean((2, 3), keepdim=True)

    def note(self, name, value):
        pass


def _starts(length):
    free = max(length - PATCH, 0)
    return [free * i // 3 // 8 * 8 for i in range(4)]


def _edges(luma):
    """Of rows, offset by offset: (N, 8)."""
    levels = 255 * (luma.unfold(1, 4, 1) @ torch.tensor(JUMP, dtype=luma.dtype)).abs()
    levels = levels.clamp(max=255 * STRONGEST)  # at y: of the edge below row y + 1
    rows = torch.arange(levels.shape[1]) + 1
    means = [levels[:, rows % PERIOD == offset].mean((1, 2)) for offset in range(PERIOD)]
    means = torch.stack(means, 1).unflatten(0, (-1, COUNT)).mean(1)
    mean = means.mean(1, keepdim=True)
    return CONTRAST * (means - mean) / (mean + FLAT)


def _means(x, dim):
    """Adaptive means along a side, cell by cell."""
    length = x.shape[dim]
    bounds = [(i * length // SIDE, -(-(i + 1) * length // SIDE)) for i in range(SIDE)]
    return torch.cat([x.narrow(dim, a, b - a).mean(dim, keepdim=True) for a, b in bounds], dim)
