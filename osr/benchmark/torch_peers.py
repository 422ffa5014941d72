"""Networks of others in PyTorch, with initial weights, to compare the speed with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F


class DnCNN(nn.Module):
    """DnCNN for colour (Zhang et al., TIP 2017), its batch normalization merged as in inference.

    Args:
        layers: convolutions 3×3.
        width: channels between them.
    """

    stride = 1

    def __init__(self, layers: int = 20, width: int = 64) -> None:
        super().__init__()
        inner = [each for _ in range(layers - 2) for each in (_conv(width, width), nn.ReLU(True))]
        self.body = nn.Sequential(_conv(3, width), nn.ReLU(True), *inner, _conv(width, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → the same."""
        noise: Tensor = self.body(x)
        return x - noise


class NAFNet(nn.Module):
    """NAFNet (Chen et al., ECCV 2022), of the sizes for SIDD by default.

    Args:
        width: channels at full resolution.
        encoder: blocks of each level.
        middle: blocks at the lowest resolution.
        decoder: blocks of each level.
    """

    stride = 16

    def __init__(
        self,
        width: int = 32,
        encoder: tuple[int, ...] = (2, 2, 4, 8),
        middle: int = 12,
        decoder: tuple[int, ...] = (2, 2, 2, 2),
    ) -> None:
        super().__init__()
        self.intro, self.ending = _conv(3, width), _conv(width, 3)
        self.encoder, self.down = nn.ModuleList(), nn.ModuleList()
        self.decoder, self.up = nn.ModuleList(), nn.ModuleList()
        for blocks in encoder:
            self.encoder.append(_blocks(width, blocks))
            self.down.append(nn.Conv2d(width, 2 * width, 2, 2))
            width *= 2
        self.middle = _blocks(width, middle)
        for blocks in decoder:
            self.up.append(
                nn.Sequential(nn.Conv2d(width, 2 * width, 1, bias=False), nn.PixelShuffle(2))
            )
            width //= 2
            self.decoder.append(_blocks(width, blocks))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → the same."""
        y, skips = self.intro(x), []
        for blocks, down in zip(self.encoder, self.down, strict=True):
            skips.append(blocks(y))
            y = down(skips[-1])
        y = self.middle(y)
        for blocks, up in zip(self.decoder, self.up, strict=True):
            y = blocks(up(y) + skips.pop())
        result: Tensor = x + self.ending(y)
        return result


class _Block(nn.Module):
    """Two residual branches without activation: gates are products of halves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([_Norm(width), _Norm(width)])
        self.expand, self.project = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(width, width, 1)
        self.depthwise = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.attention = nn.Conv2d(width, width, 1)
        self.feed, self.back = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(width, width, 1)
        self.scales = nn.ParameterList([torch.zeros(1, width, 1, 1) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        y = _gate(self.depthwise(self.expand(self.norms[0](x))))
        y = self.project(y * self.attention(y.mean((2, 3), keepdim=True)))
        x = x + y * self.scales[0]
        result: Tensor = x + self.back(_gate(self.feed(self.norms[1](x)))) * self.scales[1]
        return result


class _Norm(nn.Module):
    """Layer normalization over channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        norm = self.norm
        y = x.permute(0, 2, 3, 1)  # (N, H, W, C)
        return F.layer_norm(y, y.shape[3:], norm.weight, norm.bias, norm.eps).permute(0, 3, 1, 2)


def _gate(x: Tensor) -> Tensor:
    first, second = x.chunk(2, 1)
    return first * second


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(width) for _ in range(count)))


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def peers() -> dict[str, tuple[Callable[[NDArray[np.float32]], object], int]]:
    """Networks on the CPU by name, and of what height and width must be multiples."""
    networks: dict[str, DnCNN | NAFNet] = {"dncnn-20": DnCNN(), "nafnet-32": NAFNet()}
    return {name: (partial(_predict, each.eval()), each.stride) for name, each in networks.items()}


def _predict(network: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """As :meth:`backends.torch.base.Network.predict`."""
    with torch.inference_mode():
        x = torch.from_numpy(images).to(memory_format=torch.channels_last)
        result: NDArray[np.float32] = network(x).numpy()
        return result
