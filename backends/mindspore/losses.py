"""The losses and their weighted sum. Twin of :mod:`backends.torch.losses`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops
from numpy.typing import NDArray

from backends.mindspore.device import current
from osr_core.errors import DeviceError
from osr_core.training.losses import TERMS as SHARED_TERMS
from osr_core.training.losses import check_losses, mse
from osr_core.training.vgg import MEAN, STAGES, STD, require_vgg


def _smooth_l1(result: Tensor, target: Tensor) -> Tensor:
    return ops.smooth_l1_loss(result, target, beta=1.0, reduction="mean")


def _frequency(result: Tensor, target: Tensor) -> Tensor:
    spectrum = ops.fft2(result - target)  # (N, 3, H, W) complex
    return (ops.abs(ops.real(spectrum)) + ops.abs(ops.imag(spectrum))).mean() / 2


def routing_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of ``sigmoid(logits)`` and targets in [0, 1], of the same shape."""
    terms = ops.relu(logits) - logits * targets + ops.log(1 + ops.exp(-ops.abs(logits)))
    return terms.mean()


class Perceptual(nn.Cell):
    """Mean squared distance of VGG16 features; VGG16 itself is constant."""

    def __init__(self, vgg: Mapping[str, NDArray[Any]] | None) -> None:
        super().__init__()
        # Parameters, since there are no buffers; but none that is trained.
        for name, values in require_vgg(vgg).items():
            constant = Parameter(Tensor(values), name=_attribute(name), requires_grad=False)
            setattr(self, _attribute(name), constant)
        # ops.max_pool2d has a gradient that takes 200 times as long on CPU.
        self.pool = nn.MaxPool2d(2, 2)
        self.mean = Tensor(MEAN, ms.float32)[:, None, None]
        self.std = Tensor(STD, ms.float32)[:, None, None]

    def construct(self, result: Tensor, target: Tensor) -> Tensor:
        """Two of ``(N, 3, H, W)``, sides at least 4 → a scalar."""
        ours, theirs = self.features(result), self.features(target)
        terms = [mse(ours[level], theirs[level]) for level in range(3)]
        return (terms[0] + terms[1] + terms[2]) / 3

    def features(self, image: Tensor) -> list[Tensor]:
        """``(N, 3, H, W)`` → relu1_2, relu2_2, relu3_3 ``(N, 64·2ⁿ, H/2ⁿ, W/2ⁿ)``."""
        x = (image - self.mean) / self.std
        found: list[Tensor] = []
        for stage in STAGES:
            if found:
                x = self.pool(x)
            for name in stage:
                weight = getattr(self, _attribute(f"{name}.weight"))
                bias = getattr(self, _attribute(f"{name}.bias"))
                x = ops.relu(ops.conv2d(x, weight, bias, 1, "pad", 1))
            found.append(x)
        return found


class Loss(nn.Cell):
    """As :class:`backends.torch.losses.Loss`.

    DeviceError also for ``frequency`` on CUDA, where MindSpore has no FFT.
    """

    def __init__(
        self, weights: Mapping[str, float], vgg: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        super().__init__()
        check_losses(weights)
        if "frequency" in weights and current().kind == "cuda":
            raise DeviceError("loss.frequency: MindSpore has no FFT on CUDA; remove it")
        self.weights = dict(weights)
        if "perceptual" in weights:
            self.perceptual = Perceptual(vgg)
        self.to_float(ms.float32)

    def construct(self, result: Tensor, target: Tensor) -> Tensor:
        """Two of ``(N, 3, H, W)``, any floating type → a scalar, float32."""
        result, target = result.astype(ms.float32), target.astype(ms.float32)
        total = ops.zeros((), ms.float32)
        for name, weight in self.weights.items():
            term = self.perceptual if name == "perceptual" else TERMS[name]
            total = total + weight * term(result, target)
        return total

    def add_flags_recursive(self, **flags: Any) -> Loss:
        """As of any cell, but ``to_float`` of a surrounding cell, which comes this way, ends here.

        torch's autocast is a context that can be left; here precision is a property of each cell.
        """
        if "fp32" in flags:
            flags |= {"fp16": False, "bf16": False, "fp32": True}
        return super().add_flags_recursive(**flags)


TERMS = {**SHARED_TERMS, "smooth_l1": _smooth_l1, "frequency": _frequency}
"""The losses that are plain functions, by name."""


def _attribute(name: str) -> str:
    return name.replace(".", "_")
