"""The layers that networks share. Twin of :mod:`backends.mindspore.layers`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from osr_core.operations import LEAK
from osr_core.scene import AIRLIGHT, DARKEST, SIDE
from osr_core.spec import Activation, InputTransform
from osr_core.wave import MODULUS_FLOOR, CarriedOver


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


def thumbnail(x: Tensor) -> Tensor:
    """:func:`osr_core.scene.thumbnail`."""
    return F.adaptive_avg_pool2d(x, SIDE)


def veil(seen: Tensor) -> Tensor:
    """:func:`osr_core.scene.veil`."""
    darkest = seen.amin((1, 2, 3), keepdim=True).clamp(0, DARKEST)
    return darkest / (AIRLIGHT - darkest)


def leaky(x: Tensor, leak: float = LEAK) -> Tensor:
    """``max(x, leak · x)``."""
    return F.leaky_relu(x, leak)


ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {"relu": F.relu, "leaky": leaky}
"""The function of each activation."""


class ResidualBlock(nn.Module):
    """``x + conv2(activation(conv1(x)))``."""

    def __init__(self, width: int, *, bias: bool = True, activation: Activation = "relu") -> None:
        super().__init__()
        self.activate = ACTIVATIONS[activation]
        self.conv1 = conv(width, width, bias=bias)
        self.conv2 = conv(width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → the same shape."""
        return x + self.conv2(self.activate(self.conv1(x)))


class DenseLayer(nn.Module):
    """Appends the features it computes to those it sees."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.conv = conv(inputs, growth)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → ``(N, C + growth, H, W)``."""
        return torch.cat((x, F.relu(self.conv(x))), 1)


class ResidualDenseBlock(nn.Module):
    """Dense layers, closed by a 1×1 convolution and a skip."""

    def __init__(self, width: int, layers: int, growth: int) -> None:
        super().__init__()
        self.residual_dense_layers = nn.Sequential(
            *(DenseLayer(width + index * growth, growth) for index in range(layers))
        )
        self.conv_1x1 = conv(width + layers * growth, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → the same shape."""
        return self.conv_1x1(self.residual_dense_layers(x)) + x


class Downsample(nn.Module):
    """Half the size, twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width, stride=2)
        self.conv2 = conv(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → ``(N, 2C, H/2, W/2)``."""
        return F.relu(self.conv2(F.relu(self.conv1(x))))


class Upsample(nn.Module):
    """Twice the size, half the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deconv = Deconv(width)
        self.conv = conv(width, width // 2)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` → ``(N, C/2, 2H, 2W)``."""
        return F.relu(self.conv(F.relu(self.deconv(x))))


class Wave(nn.Module):
    """Amplitude and phase of a picture → real and imaginary part; :mod:`osr_core.wave`.

    The phase is estimated, and its sine and cosine taken, in float32 even under autocast: a half
    precision number of some turns has lost the angle.
    """

    def __init__(self, inputs: int, spec: InputTransform) -> None:
        super().__init__()
        self.bounded = spec.phase_range == "bounded"
        self.amplitude = conv(inputs, spec.channels, 1)
        self.phase = conv(inputs, spec.channels, spec.phase_kernel)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, 3, H, W)`` → two of ``(N, C, H, W)``."""
        amplitude = self.amplitude(image)
        with torch.autocast(image.device.type, enabled=False):
            phase = self.phase(image.to(self.phase.weight.dtype))
            phase = math.pi * torch.tanh(phase) if self.bounded else phase
            cos, sin = torch.cos(phase), torch.sin(phase)
        return amplitude * cos.to(amplitude.dtype), amplitude * sin.to(amplitude.dtype)


def modulus(real: Tensor, imaginary: Tensor) -> Tensor:
    """:func:`osr_core.wave.modulus`, in float32."""
    squares = torch.square(real.float()) + torch.square(imaginary.float())
    return torch.sqrt(squares + MODULUS_FLOOR**2)


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
