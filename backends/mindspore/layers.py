"""The layers that networks share. Twin of :mod:`backends.torch.layers`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import mindspore as ms
from mindspore import Tensor, nn, ops

from osr_core.operations import LEAK
from osr_core.scene import AIRLIGHT, DARKEST, SIDE
from osr_core.spec import Activation, InputTransform
from osr_core.wave import MODULUS_FLOOR, CarriedOver


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
        # output_padding gives a wrong last row and column on CPU. Padding before the picture only
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


def thumbnail(x: Tensor) -> Tensor:
    """:func:`osr_core.scene.thumbnail`."""
    return ops.adaptive_avg_pool2d(x, (SIDE, SIDE))


def veil(seen: Tensor) -> Tensor:
    """:func:`osr_core.scene.veil`."""
    darkest = ops.amin(seen, (1, 2, 3), keepdims=True).clip(0, DARKEST)
    return darkest / (AIRLIGHT - darkest)


def leaky(x: Tensor, leak: float = LEAK) -> Tensor:
    """``max(x, leak · x)``."""
    # ops.leaky_relu is that maximum. Its way back takes longer, in float16 twice as long, and at 0,
    # where both are largest, its slope is the mean of theirs.
    return ops.prelu(x, Tensor([leak], x.dtype))


ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {"relu": ops.relu, "leaky": leaky}
"""The function of each activation."""


class ResidualBlock(nn.Cell):
    """``x + conv2(activation(conv1(x)))``."""

    def __init__(self, width: int, *, bias: bool = True, activation: Activation = "relu") -> None:
        super().__init__()
        self.activate = ACTIVATIONS[activation]
        self.conv1 = conv(width, width, bias=bias)
        self.conv2 = conv(width, width, bias=bias)

    def construct(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → the same shape."""
        return x + self.conv2(self.activate(self.conv1(x)))


class DenseLayer(nn.Cell):
    """Appends the features it computes to those it sees."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.conv = conv(inputs, growth)

    def construct(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → ``(N, C + growth, H, W)``."""
        # MindSpore joins tensors of one type only; under autocast x may be the wider one.
        return ops.cat((x, ops.relu(self.conv(x)).astype(x.dtype)), 1)


class ResidualDenseBlock(nn.Cell):
    """Dense layers, closed by a 1×1 convolution and a skip."""

    def __init__(self, width: int, layers: int, growth: int) -> None:
        super().__init__()
        self.residual_dense_layers = nn.SequentialCell(
            *(DenseLayer(width + index * growth, growth) for index in range(layers))
        )
        self.conv_1x1 = conv(width + layers * growth, width, 1)

    def construct(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → the same shape."""
        return self.conv_1x1(self.residual_dense_layers(x)) + x


class Downsample(nn.Cell):
    """Half the size, twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width, stride=2)
        self.conv2 = conv(width, 2 * width)

    def construct(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → ``(N, 2C, H/2, W/2)``."""
        return ops.relu(self.conv2(ops.relu(self.conv1(x))))


class Upsample(nn.Cell):
    """Twice the size, half the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deconv = Deconv(width)
        self.conv = conv(width, width // 2)

    def construct(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → ``(N, C/2, 2H, 2W)``."""
        return ops.relu(self.conv(ops.relu(self.deconv(x))))


class Wave(nn.Cell):
    """Amplitude and phase of a picture → real and imaginary part; :mod:`osr_core.wave`.

    The phase is estimated, and its sine and cosine taken, in float32 even under autocast: a half
    precision number of some turns has lost the angle.
    """

    def __init__(self, inputs: int, spec: InputTransform) -> None:
        super().__init__()
        self.bounded = spec.phase_range == "bounded"
        self.amplitude = conv(inputs, spec.channels, 1)
        # Every cell has a ``phase`` already, that of its compilation. So the attribute is called
        # otherwise, and only the name of the child, and by it of the weights, is ours.
        estimate = conv(inputs, spec.channels, spec.phase_kernel)
        object.__setattr__(self, "phase_conv", estimate)
        self._cells["phase"] = estimate

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, 3, H, W)`` → two of ``(N, C, H, W)``."""
        amplitude = self.amplitude(image)
        # The device's autocast leaves the phase's convolution out.
        phase = self.phase_conv(image.astype(ms.float32))
        phase = math.pi * _tanh(phase) if self.bounded else phase
        cos, sin = ops.cos(phase), ops.sin(phase)
        return amplitude * cos.astype(amplitude.dtype), amplitude * sin.astype(amplitude.dtype)


def _tanh(x: Tensor) -> Tensor:
    """To 2e-6. That of MindSpore 2.10 on CPUs is 1 from 5 on, which is 1e-4 too much there."""
    return 2 * ops.sigmoid(2 * x) - 1


def modulus(real: Tensor, imaginary: Tensor) -> Tensor:
    """:func:`osr_core.wave.modulus`, in float32."""
    squares = ops.square(real.astype(ms.float32)) + ops.square(imaginary.astype(ms.float32))
    return ops.sqrt(squares + MODULUS_FLOOR**2)


def carry(
    keep: CarriedOver, wave: tuple[Tensor, Tensor], original: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """:func:`osr_core.wave.carry`, in float32."""
    changed, source = modulus(*wave), modulus(*original)
    if keep == "amplitude":
        ratio = source / changed
        return wave[0] * ratio, wave[1] * ratio
    ratio = changed / source
    return original[0] * ratio, original[1] * ratio
