"""The losses and their weighted sum. Twin of :mod:`backends.torch.losses`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops
from numpy.typing import NDArray

from backends.mindspore.device import current
from backends.mindspore.layers import hard_gate
from osr_core.errors import DeviceError
from osr_core.operations import ROUTE
from osr_core.training.losses import TERMS as SHARED_TERMS
from osr_core.training.losses import check_losses, mse
from osr_core.training.routing import FIT, FLOOR, MISSED, MOST_DB, NEEDED_DB, WHOLE
from osr_core.training.vgg import MEAN, STAGES, STD, require_vgg


def _smooth_l1(result: Tensor, target: Tensor) -> Tensor:
    return ops.smooth_l1_loss(result, target, beta=1.0, reduction="mean")


def _frequency(result: Tensor, target: Tensor) -> Tensor:
    spectrum = ops.fft2(result - target)  # (N, 3, H, W) complex
    return (ops.abs(ops.real(spectrum)) + ops.abs(ops.imag(spectrum))).mean() / 2


def routing_loss(
    routes: Tensor, gates: Tensor, products: Tensor, targets: Tensor, needs: Tensor
) -> Tensor:
    """The loss of a router and of gates, a scalar.

    The router: cross-entropy with whether an image needs an expert. The gates, where the router
    lets an expert run: cross-entropy with the least-squares weights, and the error that they
    leave, relative to that of the image, on a log scale, of cells and of whole images.

    Args:
        routes: logits of the router, ``(N, K)``.
        gates: logits of the gates, ``(N, K, h, w)``.
        products: :func:`osr_core.training.routing.inner_products`; the last three arguments are
            fields of :class:`osr_core.training.routing.Samples`.
        targets: of the gates.
        needs: of each image for each expert.
    """
    needed = (needs > NEEDED_DB).astype(ms.float32)
    missed = MISSED * needs.clip(NEEDED_DB, MOST_DB)
    weights = needed * missed + (1 - needed)
    router = (_cross_entropy(routes, needed) * weights).mean()
    running = hard_gate(ops.stop_gradient(routes), ROUTE)[..., None, None]  # (N, K, 1, 1)
    fit = (_cross_entropy(gates, targets) * running).mean()
    shares = ops.cat((ops.sigmoid(gates) * running, -ops.ones_like(gates[:, :1])), 1)
    error = (shares[:, :, None] * shares[:, None] * products).sum((1, 2))  # (N, h, w)
    before = products[:, -1, -1]
    cells = _log_ratio(error, before)
    images = _log_ratio(error.mean((1, 2)), before.mean((1, 2)))
    return router + FIT * fit + cells + WHOLE * images


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Of ``sigmoid(logits)`` and targets in [0, 1], of the same shape."""
    return ops.relu(logits) - logits * targets + ops.log(1 + ops.exp(-ops.abs(logits)))


def _log_ratio(error: Tensor, before: Tensor) -> Tensor:
    return (ops.log10(error.clip(min=0) + FLOOR) - ops.log10(before + FLOOR)).mean()


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
