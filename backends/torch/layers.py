"""The layers that networks share. Twin of :mod:`backends.mindspore.layers`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backends.torch import rows
from osr_core.blockiness import CONTRAST, FLAT, JUMP, LUMA, PERIOD, STRONGEST, offsets
from osr_core.context import ACROSS, AIRLIGHT, COUNT, DARKEST_MAX, PATCH, SIDE
from osr_core.levels import FAINT, LEVEL_SCALE
from osr_core.operations import LEAKY_SLOPE, Ramp
from osr_core.spec import IMAGE_CHANNELS, Activation


def conv(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, bias: bool = True
) -> nn.Conv2d:
    """Convolution with zero padding ``kernel // 2``."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


class Deconv(nn.ConvTranspose2d):
    """Transposed convolution 3×3 from ``(N, C, H, W)`` to ``(N, C, 2H, 2W)``."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1, output_padding=1)


def unshuffle(x: Tensor, side: int) -> Tensor:
    """``(N, C, H, W)`` → ``(N, C·side², H/side, W/side)``, ordered (channel, row, column)."""
    return F.pixel_unshuffle(x, side) if side > 1 else x


def shuffle(x: Tensor, side: int) -> Tensor:
    """The inverse of :func:`unshuffle`."""
    return F.pixel_shuffle(x, side) if side > 1 else x


def subpixel(layer: nn.Module, x: Tensor, skip: Tensor) -> Tensor:
    """``skip`` plus the shuffled 1×1 convolution: ``(N, F, H, W)`` → ``(N, C, 2H, 2W)``.

    In inference mode the result has the memory of ``skip``.
    """
    if rows.can_replace(layer):
        return rows.add_subpixel(layer, x, skip)
    return shuffle(layer(x), 2).add_(skip)


def upsample(x: Tensor, factor: int) -> Tensor:
    """Bilinear interpolation to ``factor`` times the size, between centres of elements."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def hard_gate(x: Tensor, ramp: Ramp) -> Tensor:
    """:func:`osr_core.mixtures.hard_gate`."""
    return ((torch.sigmoid(x) - ramp[0]) / (ramp[1] - ramp[0])).clamp(0, 1)


def thumbnail(x: Tensor) -> Tensor:
    """:func:`osr_core.context.thumbnail`."""
    return F.adaptive_avg_pool2d(x, SIDE)


def mosaic(x: Tensor) -> Tensor:
    """:func:`osr_core.context.mosaic`."""
    rows, columns = (_mosaic_indices(side, x) for side in x.shape[2:])
    return x[:, :, rows][..., columns]


def _mosaic_indices(length: int, like: Tensor) -> Tensor:
    pixels = torch.arange(SIDE, device=like.device)
    starts = pixels // PATCH * (length - PATCH) // (ACROSS - 1) // PERIOD * PERIOD
    return (starts.clamp(min=0) + pixels % PATCH).clamp(max=length - 1)


def patches(mosaic: Tensor) -> Tensor:
    """:func:`osr_core.context.patches`."""
    x = mosaic.reshape(-1, IMAGE_CHANNELS, ACROSS, PATCH, ACROSS, PATCH)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(-1, IMAGE_CHANNELS, PATCH, PATCH)


def mean_of_patches(x: Tensor) -> Tensor:
    """``(16 N, C, h, w)`` → ``(N, C, 1, 1)``."""
    means = x.mean((2, 3)).reshape(-1, COUNT, x.shape[1])
    return means.mean(1)[..., None, None]


def level(change: Tensor, cell: int) -> Tensor:
    """:func:`osr_core.levels.level` of each cell, ``(N, 1, H/cell, W/cell)``, in float32."""
    return level_of(F.avg_pool2d(change.float().square().mean(1, keepdim=True), cell))


def level_of(energy: Tensor) -> Tensor:
    """:func:`osr_core.levels.level`."""
    return torch.log1p(energy / FAINT) * (LEVEL_SCALE / math.log(10))


def haze_amount(thumbnail: Tensor) -> Tensor:
    """:func:`osr_core.context.haze_amount`."""
    darkest = thumbnail.amin((1, 2, 3), keepdim=True).clamp(0, DARKEST_MAX)
    return darkest / (AIRLIGHT - darkest)


def blockiness(patches: Tensor) -> Tensor:
    """:func:`osr_core.blockiness.blockiness`."""
    luma = LUMA[0] * patches[:, 0] + LUMA[1] * patches[:, 1] + LUMA[2] * patches[:, 2]
    return torch.cat((_excess(luma), _excess(luma.mT)), 1)[..., None, None]


def _excess(luma: Tensor) -> Tensor:
    """Of edges between columns, ``(N, 8)``."""
    before = JUMP[0] * luma[..., :-3] + JUMP[1] * luma[..., 1:-2]
    after = JUMP[2] * luma[..., 2:-1] + JUMP[3] * luma[..., 3:]
    levels = (before + after).abs().clamp(max=STRONGEST) * 255
    means = torch.stack([levels[..., part].mean((1, 2)) for part in offsets()], 1)  # (16 N, 8)
    means = means.reshape(-1, COUNT, PERIOD).mean(1)
    mean = means.mean(1, keepdim=True)
    return (means - mean) / (mean + FLAT) * CONTRAST


def relu(x: Tensor) -> Tensor:
    """``max(x, 0)``, in place."""
    return F.relu(x, inplace=True)


def leaky(x: Tensor, slope: float = LEAKY_SLOPE) -> Tensor:
    """``max(x, slope · x)``, in place."""
    return F.leaky_relu(x, slope, inplace=True)


ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {"relu": relu, "leaky": leaky}
"""The function of each activation, which changes its argument: what a layer has just computed."""


class ResidualBlock(nn.Module):
    """``x + conv2(activation(conv1(x)))``."""

    def __init__(self, width: int, *, bias: bool = True, activation: Activation = "relu") -> None:
        super().__init__()
        self.activate = ACTIVATIONS[activation]
        self.conv1 = conv(width, width, bias=bias)
        self.conv2 = conv(width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """In inference mode the result has the memory of ``x``."""
        if rows.can_replace(self.conv1, self.conv2):
            return rows.add_residual(x, self.conv1, self.activate, self.conv2)
        return self.conv2(self.activate(self.conv1(x))).add_(x)


class DenseLayer(nn.Module):
    """Appends the features it computes to its input: C → C + growth channels."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.conv = conv(inputs, growth)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, relu(self.conv(x))), 1)


class ResidualDenseBlock(nn.Module):
    """Dense layers, a 1×1 convolution back to C channels, and a skip."""

    def __init__(self, width: int, layers: int, growth: int) -> None:
        super().__init__()
        self.residual_dense_layers = nn.Sequential(
            *(DenseLayer(width + index * growth, growth) for index in range(layers))
        )
        self.conv_1x1 = conv(width + layers * growth, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_1x1(self.residual_dense_layers(x)) + x


class Downsample(nn.Module):
    """``(N, C, H, W)`` → ``(N, 2C, H/2, W/2)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width, stride=2)
        self.conv2 = conv(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.conv2(relu(self.conv1(x))))


class Upsample(nn.Module):
    """``(N, C, H, W)`` → ``(N, C/2, 2H, 2W)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deconv = Deconv(width)
        self.conv = conv(width, width // 2)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.conv(relu(self.deconv(x))))
