"""The two transforms of the method. Twin of :mod:`backends.torch.transforms`."""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, nn, ops

from backends.mindspore.layers import conv, relu
from osr_core import spec as specs
from osr_core.spec import IMAGE_CHANNELS


class InputTransform(nn.Cell):
    """Image ``(N, 3, H, W)`` → real part a·cos θ and imaginary part a·sin θ ``(N, C, H, W)``."""

    def __init__(self, inputs: int, spec: specs.InputTransform) -> None:
        super().__init__()
        self.amplitude = conv(inputs, spec.channels, 1)
        # Every cell has an attribute ``phase`` already, that of its compilation. So the attribute
        # is another one, and only the child, and through it the weights, have the name.
        estimate = conv(inputs, spec.channels, spec.phase_kernel)
        object.__setattr__(self, "phase_conv", estimate)
        self._cells["phase"] = estimate

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        amplitude = self.amplitude(image)
        # The device's autocast leaves the phase's convolution out.
        phase = self.phase_conv(image.astype(ms.float32))
        cos, sin = ops.cos(phase), ops.sin(phase)
        return amplitude * cos.astype(amplitude.dtype), amplitude * sin.astype(amplitude.dtype)


class OutputTransform(nn.Cell):
    """Wave and image → gates g → clear image ``Conv((1 - g) ⊙ v + g ⊙ u)``, ``(N, 3, H, W)``."""

    def __init__(self, spec: specs.OutputTransform, waves: int) -> None:
        super().__init__()
        self.spec = spec
        self.wave = conv(2 * waves, spec.channels, 1)
        self.image = conv(IMAGE_CHANNELS, spec.channels, 1)
        self.mix = conv(spec.channels, spec.channels, 1)
        self.gate1 = conv(spec.channels, spec.channels, 1)
        self.gate2 = conv(spec.channels, spec.channels, 1)
        self.conv = conv(spec.channels, IMAGE_CHANNELS)

    def construct(self, wave: tuple[Tensor, Tensor], image: Tensor) -> Tensor:
        u, v = self.wave(ops.cat(wave, 1)), self.image(image)  # (N, D, H, W)
        mixed = self.mix(u + v)
        if self.spec.gates == "pooled":
            mixed = mixed.mean((2, 3), keep_dims=True)  # (N, D, 1, 1)
        gate = ops.sigmoid(self.gate2(relu(self.gate1(mixed))))
        result = self.conv((1 - gate) * v + gate * u)  # (N, 3, H, W)
        return image + result if self.spec.residual else result
