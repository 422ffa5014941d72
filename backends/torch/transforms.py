"""The two transforms of the method. Twin of :mod:`backends.mindspore.transforms`.

In the paper's notation: :mod:`osr_core.wave`; their definition: :mod:`osr_core.transforms`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backends.torch.layers import conv, relu
from osr_core import spec as specs
from osr_core.spec import IMAGE_CHANNELS


class InputTransform(nn.Module):
    """Image ``(N, 3, H, W)`` → real part a·cos θ and imaginary part a·sin θ ``(N, C, H, W)``.

    The phase, its sine and its cosine are computed in float32 even under autocast: a phase of
    several turns has lost the angle in half precision.
    """

    def __init__(self, inputs: int, spec: specs.InputTransform) -> None:
        super().__init__()
        self.amplitude = conv(inputs, spec.channels, 1)
        self.phase = conv(inputs, spec.channels, spec.phase_kernel)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        amplitude = self.amplitude(image)
        with torch.autocast(image.device.type, enabled=False):
            phase = self.phase(image.to(self.phase.weight.dtype))
            cos, sin = torch.cos(phase), torch.sin(phase)
        return amplitude * cos.to(amplitude.dtype), amplitude * sin.to(amplitude.dtype)


class OutputTransform(nn.Module):
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

    def forward(self, wave: tuple[Tensor, Tensor], image: Tensor) -> Tensor:
        u, v = self.wave(torch.cat(wave, 1)), self.image(image)  # (N, D, H, W)
        mixed = self.mix(u + v)
        if self.spec.gates == "pooled":
            mixed = mixed.mean((2, 3), keepdim=True)  # (N, D, 1, 1)
        gate = torch.sigmoid(self.gate2(relu(self.gate1(mixed))))
        result = self.conv((1 - gate) * v + gate * u)  # (N, 3, H, W)
        return image + result if self.spec.residual else result
