"""Layers of U-Nets in inference mode: a few rows at a time, in the memory of an input. No twin in
MindSpore.

In inference mode nothing needs the values that are overwritten. On a CPU, rows of a feature map
that are used again while they are in its cache are never written to memory. The values are those
of the layers, and a U-Net takes half the memory: tiles may be larger, and overlap less.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CACHE = 1 << 22  # bytes of a feature map that are computed at one time on a CPU


def can_replace(*layers: nn.Module) -> bool:
    """Whether these functions compute what the layers would: plain convolutions without hooks, in
    inference mode, and not while ``torch.compile`` traces them."""
    return (
        not torch.compiler.is_compiling()
        and torch.is_inference_mode_enabled()
        and all(type(layer) is nn.Conv2d and not _has_hooks(layer) for layer in layers)
    )


def add_residual(
    x: Tensor, conv1: nn.Conv2d, activate: Callable[[Tensor], Tensor], conv2: nn.Conv2d
) -> Tensor:
    """``x + conv2(activate(conv1(x)))``, in the memory of ``x``.

    Both convolutions are 3×3. For rows *i* to *j* the second one needs rows *i* - 1 to *j* + 1 of
    the first one, of which two are kept from the rows before. The others need rows *i* to *j* + 2
    of ``x``, none of which has been overwritten.
    """
    height, step, start = x.shape[2], _at_once(x), 0
    kept: Tensor | None = None
    while start < height:
        stop = start + step if start + step < height - 1 else height
        ends = start == 0, stop == height  # of the image, above and below these rows
        y = activate(_conv(conv1, x[:, :, start : stop + 2], ends))
        y = y if kept is None else torch.cat((kept, y), 2)
        kept = y[:, :, -2:]
        x[:, :, start:stop].add_(_conv(conv2, y, ends))
        start = stop
    return x


def add_subpixel(layer: nn.Module, x: Tensor, skip: Tensor) -> Tensor:
    """``skip`` plus the shuffled 1×1 convolution of ``x``, in the memory of ``skip``.

    It is a transposed convolution, but for the bias, which differs between the pixels of a block.
    """
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    weight = layer.weight.reshape(-1, 2, 2, layer.in_channels).permute(3, 0, 1, 2)
    bias = layer.bias.reshape(-1, 1, 2, 1, 2)
    step = _at_once(skip) // 2
    for part, target in zip(x.split(step, 2), skip.split(2 * step, 2), strict=True):
        y = F.conv_transpose2d(part, weight, stride=2)
        n, channels, height, width = y.shape
        y.view(n, channels, height // 2, 2, width // 2, 2).add_(bias)
        target.add_(y)
    return skip


def _has_hooks(layer: nn.Module) -> bool:
    return bool(layer._forward_hooks or layer._forward_pre_hooks)


def _at_once(x: Tensor) -> int:
    """How many rows of a feature map (N, C, H, W) to compute at one time, at least 2."""
    return max(2, _CACHE // (x.element_size() * x[:, :, 0].numel())) if x.is_cpu else x.shape[2]


def _conv(layer: nn.Conv2d, x: Tensor, ends: tuple[bool, bool]) -> Tensor:
    """A convolution 3×3 of some rows of an image, which is padded only where it ends."""
    above, below = ends
    pad = int(above or below)
    y = F.conv2d(x, layer.weight, layer.bias, padding=(pad, 1))
    return y[:, :, pad - above : y.shape[2] - pad + below]
