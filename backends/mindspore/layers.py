"""The layers that networks share. Twin of :mod:`backends.torch.layers`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import mindspore as ms
from mindspore import Tensor, nn, ops

from osr_core.blockiness import CONTRAST, FLAT, JUMP, LUMA, PERIOD, STRONGEST, offsets
from osr_core.context import ACROSS, AIRLIGHT, COUNT, DARKEST_MAX, PATCH, SIDE
from osr_core.levels import FAINT, LEVEL_SCALE
from osr_core.operations import LEAKY_SLOPE, Ramp
from osr_core.spec import IMAGE_CHANNELS, Activation


def conv(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, bias: bool = True
) -> nn.Conv2d:
    """Convolution with zero padding ``kernel // 2``."""
    # MindSpore's defaults are another padding and no bias.
    return nn.Conv2d(
        inputs, outputs, kernel, stride, pad_mode="pad", padding=kernel // 2, has_bias=bias
    )


class Deconv(nn.Conv2dTranspose):
    """Transposed convolution 3×3 from ``(N, C, H, W)`` to ``(N, C, 2H, 2W)``."""

    def __init__(self, channels: int) -> None:
        # output_padding gives a wrong last row and column on CPU. Padding before the image only
        # (top, bottom, left, right) is the same thing, and right.
        super().__init__(
            channels, channels, 3, 2, pad_mode="pad", padding=(1, 0, 1, 0), has_bias=True
        )


def unshuffle(x: Tensor, side: int) -> Tensor:
    """``(N, C, H, W)`` → ``(N, C·side², H/side, W/side)``, ordered (channel, row, column)."""
    if side == 1:
        return x
    # One transposition is the fastest of MindSpore's ways there and back (pixel_unshuffle, slices,
    # SpaceToDepth, which orders channels otherwise).
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // side, side, w // side, side).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(n, c * side * side, h // side, w // side)


def shuffle(x: Tensor, side: int) -> Tensor:
    """The inverse of :func:`unshuffle`."""
    if side == 1:
        return x
    n, c, h, w = x.shape
    c = c // (side * side)
    x = x.reshape(n, c, side, side, h, w).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(n, c, h * side, w * side)


def subpixel(layer: nn.Conv2d, x: Tensor, skip: Tensor) -> Tensor:
    """``skip`` plus the shuffled 1×1 convolution: ``(N, F, H, W)`` → ``(N, C, 2H, 2W)``."""
    return skip + shuffle(layer(x), 2)


def upsample(x: Tensor, factor: int) -> Tensor:
    """Bilinear interpolation to ``factor`` times the size, between centres of elements."""
    # ops.interpolate takes no size that is unknown when a graph is exported.
    n, c, h, w = x.shape
    padded = ops.cat((x[:, :, :1], x, x[:, :, -1:]), 2)  # empty slices have no gradient
    between = _between(padded[:, :, :-2], x, padded[:, :, 2:], factor)
    x = ops.stack(between, 3).reshape(n, c, h * factor, w)
    padded = ops.cat((x[..., :1], x, x[..., -1:]), 3)
    between = _between(padded[..., :-2], x, padded[..., 2:], factor)
    return ops.stack(between, 4).reshape(n, c, h * factor, w * factor)


def _between(before: Tensor, x: Tensor, after: Tensor, factor: int) -> list[Tensor]:
    offsets = [(index + 0.5) / factor - 0.5 for index in range(factor)]  # from the centre of x
    return [x + abs(o) * ((before if o < 0 else after) - x) for o in offsets]


def hard_gate(x: Tensor, ramp: Ramp) -> Tensor:
    """:func:`osr_core.mixtures.hard_gate`."""
    return ((ops.sigmoid(x) - ramp[0]) / (ramp[1] - ramp[0])).clip(0, 1)


def thumbnail(x: Tensor) -> Tensor:
    """:func:`osr_core.context.thumbnail`."""
    return ops.adaptive_avg_pool2d(x, (SIDE, SIDE))


def mosaic(x: Tensor) -> Tensor:
    """:func:`osr_core.context.mosaic`."""
    rows, columns = (_mosaic_indices(side) for side in x.shape[2:])
    return ops.gather(ops.gather(x, rows, 2), columns, 3)


def _mosaic_indices(length: int) -> Tensor:
    pixels = ops.arange(SIDE)
    starts = pixels // PATCH * (length - PATCH) // (ACROSS - 1) // PERIOD * PERIOD
    return (starts.clip(min=0) + pixels % PATCH).clip(max=length - 1)


def patches(mosaic: Tensor) -> Tensor:
    """:func:`osr_core.context.patches`."""
    x = mosaic.reshape(-1, IMAGE_CHANNELS, ACROSS, PATCH, ACROSS, PATCH)
    return x.transpose(0, 2, 4, 1, 3, 5).reshape(-1, IMAGE_CHANNELS, PATCH, PATCH)


def mean_of_patches(x: Tensor) -> Tensor:
    """``(16 N, C, h, w)`` → ``(N, C, 1, 1)``."""
    means = x.mean((2, 3)).reshape(-1, COUNT, x.shape[1])
    return means.mean(1)[..., None, None]


def level(change: Tensor, cell: int) -> Tensor:
    """:func:`osr_core.levels.level` of each cell, ``(N, 1, H/cell, W/cell)``, in float32."""
    squares = ops.square(change.astype(ms.float32)).mean(1, keep_dims=True)
    return level_of(ops.avg_pool2d(squares, (cell, cell), (cell, cell)))


def level_of(energy: Tensor) -> Tensor:
    """:func:`osr_core.levels.level`."""
    return ops.log1p(energy / FAINT) * (LEVEL_SCALE / math.log(10))


def haze_amount(thumbnail: Tensor) -> Tensor:
    """:func:`osr_core.context.haze_amount`."""
    darkest = ops.amin(thumbnail, (1, 2, 3), keepdims=True).clip(0, DARKEST_MAX)
    return darkest / (AIRLIGHT - darkest)


def blockiness(patches: Tensor) -> Tensor:
    """:func:`osr_core.blockiness.blockiness`."""
    luma = LUMA[0] * patches[:, 0] + LUMA[1] * patches[:, 1] + LUMA[2] * patches[:, 2]
    return ops.cat((_excess(luma), _excess(luma.swapaxes(1, 2))), 1)[..., None, None]


def _excess(luma: Tensor) -> Tensor:
    """Of edges between columns, ``(N, 8)``."""
    before = JUMP[0] * luma[..., :-3] + JUMP[1] * luma[..., 1:-2]
    after = JUMP[2] * luma[..., 2:-1] + JUMP[3] * luma[..., 3:]
    levels = (before + after).abs().clip(max=STRONGEST) * 255
    means = ops.stack([levels[..., part].mean((1, 2)) for part in offsets()], 1)  # (16 N, 8)
    means = means.reshape(-1, COUNT, PERIOD).mean(1)
    mean = means.mean(1, keep_dims=True)
    return (means - mean) / (mean + FLAT) * CONTRAST


def relu(x: Tensor) -> Tensor:
    """``max(x, 0)``."""
    return ops.relu(x)


def leaky(x: Tensor, slope: float = LEAKY_SLOPE) -> Tensor:
    """``max(x, slope · x)``."""
    # ops.leaky_relu is that maximum. Its way back takes longer, in float16 twice as long, and at 0,
    # where both are largest, its slope is the mean of theirs.
    return ops.prelu(x, Tensor([slope], x.dtype))


ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {"relu": relu, "leaky": leaky}
"""The function of each activation."""


class ResidualBlock(nn.Cell):
    """``x + conv2(activation(conv1(x)))``."""

    def __init__(self, width: int, *, bias: bool = True, activation: Activation = "relu") -> None:
        super().__init__()
        self.activate = ACTIVATIONS[activation]
        self.conv1 = conv(width, width, bias=bias)
        self.conv2 = conv(width, width, bias=bias)

    def construct(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.activate(self.conv1(x)))


class DenseLayer(nn.Cell):
    """Appends the features it computes to its input: C → C + growth channels."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.conv = conv(inputs, growth)

    def construct(self, x: Tensor) -> Tensor:
        # MindSpore joins tensors of one type only; under autocast x may be the wider one.
        return ops.cat((x, relu(self.conv(x)).astype(x.dtype)), 1)


class ResidualDenseBlock(nn.Cell):
    """Dense layers, a 1×1 convolution back to C channels, and a skip."""

    def __init__(self, width: int, layers: int, growth: int) -> None:
        super().__init__()
        self.residual_dense_layers = nn.SequentialCell(
            *(DenseLayer(width + index * growth, growth) for index in range(layers))
        )
        self.conv_1x1 = conv(width + layers * growth, width, 1)

    def construct(self, x: Tensor) -> Tensor:
        return self.conv_1x1(self.residual_dense_layers(x)) + x


class Downsample(nn.Cell):
    """``(N, C, H, W)`` → ``(N, 2C, H/2, W/2)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width, stride=2)
        self.conv2 = conv(width, 2 * width)

    def construct(self, x: Tensor) -> Tensor:
        return relu(self.conv2(relu(self.conv1(x))))


class Upsample(nn.Cell):
    """``(N, C, H, W)`` → ``(N, C/2, 2H, 2W)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deconv = Deconv(width)
        self.conv = conv(width, width // 2)

    def construct(self, x: Tensor) -> Tensor:
        return relu(self.conv(relu(self.deconv(x))))
