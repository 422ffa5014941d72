"""The backbones, as MindSpore cells. Twin of :mod:`backends.torch.backbones`.

Each mirrors in layers its namesake in :mod:`osr_core.networks` or :mod:`osr_core.unet`, with the
same parameter names, and maps ``(N, C, H, W)`` to the same shape. ``context``, of tiles, is the
thumbnail of the whole image, ``(N, 3, SIDE, SIDE)``. They are ordinary cells:
jit them, pass them to Model, train them.
"""

from __future__ import annotations

from itertools import pairwise, product

from mindspore import Parameter, Tensor, nn, ops

from backends.mindspore.base import Network
from backends.mindspore.layers import (
    Downsample,
    ResidualBlock,
    ResidualDenseBlock,
    Upsample,
    conv,
    haze_amount,
    leaky,
    relu,
    shuffle,
    subpixel,
    thumbnail,
    unshuffle,
)
from osr_core import spec as specs
from osr_core.backbones import RESIDUAL_STAGES
from osr_core.context import AIRLIGHT
from osr_core.operations import GATE_SLOPE
from osr_core.spec import IMAGE_CHANNELS


class Residual(Network):
    """The authors' public baseline; :class:`osr_core.spec.Residual`."""

    def __init__(self, spec: specs.Residual, channels: int = IMAGE_CHANNELS) -> None:
        super().__init__()
        inputs = channels
        for width, (name, blocks) in zip(spec.widths, RESIDUAL_STAGES, strict=True):
            setattr(self, name, conv(inputs, width))
            for index in blocks:
                setattr(self, f"res_{index}", ResidualBlock(width, bias=False))
            inputs = width
        self.conv_out_3 = conv(inputs, channels)
        self.order = tuple(self.name_cells())

    def construct(self, image: Tensor) -> Tensor:
        x = 2 * image - 1
        for name in self.order:  # a graph cannot iterate over cells()
            x = getattr(self, name)(x)
        return x


class GridDehaze(Network):
    """GridDehazeNet; :class:`osr_core.spec.GridDehaze`."""

    def __init__(self, spec: specs.GridDehaze, channels: int = IMAGE_CHANNELS) -> None:
        super().__init__()
        self.height, self.width = spec.height, spec.width
        widths = [spec.depth_rate * 2**row for row in range(spec.height)]
        rows, columns, half = range(spec.height), range(spec.width), spec.width // 2
        dense = spec.dense_layers, spec.growth
        self.coefficient = Parameter(ops.ones((spec.height, spec.width, 2, widths[-1])))
        self.conv_in = conv(channels, widths[0])
        self.rdb_in = ResidualDenseBlock(widths[0], *dense)
        self.rdb_module = nn.CellDict(
            {
                f"{i}_{j}": ResidualDenseBlock(widths[i], *dense)
                for i, j in product(rows, columns[:-1])
            }
        )
        self.downsample_module = nn.CellDict(
            {f"{i}_{j}": Downsample(widths[i]) for i, j in product(rows[:-1], columns[:half])}
        )
        self.upsample_module = nn.CellDict(
            {f"{i}_{j}": Upsample(widths[i + 1]) for i, j in product(rows[:-1], columns[half:])}
        )
        self.rdb_out = ResidualDenseBlock(widths[0], *dense)
        self.conv_out = conv(widths[0], channels)

    def construct(self, image: Tensor) -> Tensor:
        height, width = self.height, self.width
        column = [self.rdb_in(self.conv_in(2 * image - 1))]
        for row in range(1, height):
            column.append(self.downsample_module[f"{row - 1}_0"](column[row - 1]))
        for j in range(1, width // 2):
            column[0] = self.rdb_module[f"0_{j - 1}"](column[0])
            for row in range(1, height):
                down = self.downsample_module[f"{row - 1}_{j}"](column[row - 1])
                column[row] = self._meet(row, j, column[row], down)
        for j in range(width // 2, width):
            column[-1] = self.rdb_module[f"{height - 1}_{j - 1}"](column[-1])
            for row in reversed(range(height - 1)):
                up = self.upsample_module[f"{row}_{j}"](column[row + 1])
                column[row] = self._meet(row, j, column[row], up)
        return relu(self.conv_out(self.rdb_out(column[0])))

    def _meet(self, row: int, j: int, x: Tensor, other: Tensor) -> Tensor:
        along = self.rdb_module[f"{row}_{j - 1}"](x)
        weights = self.coefficient[row, j, :, : x.shape[1], None, None]  # (2, C, 1, 1)
        return weights[0] * along + weights[1] * other


class UNet(Network):
    """Residual U-Net on a pixel-unshuffled image; :class:`osr_core.spec.UNet`."""

    def __init__(self, spec: specs.UNet, channels: int = IMAGE_CHANNELS) -> None:
        super().__init__()
        widths, context, self.side = spec.widths, spec.context, spec.unshuffle
        block_channels = channels * self.side**2

        def blocks(width: int) -> nn.SequentialCell:
            made = (ResidualBlock(width, activation=spec.activation) for _ in range(spec.blocks))
            return nn.SequentialCell(*made)

        levels = tuple(pairwise(widths))
        self.head = conv(block_channels, widths[0])
        self.encoder = nn.CellList([blocks(width) for width in widths])
        self.down = nn.CellList([conv(f, c, stride=2) for f, c in levels])
        self.up = nn.CellList([conv(c, 4 * f, 1) for f, c in levels])
        self.decoder = nn.CellList([blocks(width) for width in widths[:-1]])
        self.tail = conv(widths[0], block_channels)
        steps = pairwise((2 * IMAGE_CHANNELS, *context))
        self.context = nn.CellList([conv(f, c, stride=2) for f, c in steps])
        self.context_airlight = conv(context[-1], IMAGE_CHANNELS, 1) if context else None
        self.context_gate = conv(context[-1], 1, 1) if context else None

    def construct(self, image: Tensor, context: Tensor | None = None) -> Tensor:
        gate, start = None, image
        if self.context_gate is not None:
            gate, start = self._look(image, thumbnail(image) if context is None else context)
        x = self.head(unshuffle(start, self.side))  # (N, C0, H/side, W/side)
        skips = []
        for level in range(len(self.down)):
            x = self.encoder[level](x)
            skips.append(x)
            x = self.down[level](x)
        x = self.encoder[-1](x)
        for level in range(len(self.up) - 1, -1, -1):  # a graph cannot reverse this range
            x = subpixel(self.up[level], x, skips[level])
            x = self.decoder[level](x)
        result = start + shuffle(self.tail(x), self.side)
        return result if gate is None else image + gate * (result - image)

    def _look(self, image: Tensor, small: Tensor) -> tuple[Tensor, Tensor]:
        assert self.context_gate is not None
        assert self.context_airlight is not None
        haze = haze_amount(small)  # (N, 1, 1, 1)
        x = ops.cat((small, small + haze * (small - AIRLIGHT)), 1)  # (N, 6, SIDE, SIDE)
        for layer in self.context:
            x = leaky(layer(x))
        x = x.mean((2, 3), keep_dims=True)
        airlight = AIRLIGHT + self.context_airlight(x)  # (N, 3, 1, 1)
        gate = leaky(1 + self.context_gate(x), GATE_SLOPE)  # (N, 1, 1, 1)
        return gate, image + haze * (image - airlight)
