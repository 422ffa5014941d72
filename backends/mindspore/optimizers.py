"""The optimizers. Twin of :mod:`backends.torch.optimizers`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mindspore import Parameter, Tensor, ops

from backends.mindspore.device import compiled
from osr_core.training.muon import COEFFICIENTS, ITERATIONS, MOMENTUM, OTHERS, partition, step_size

# What float32 makes of 0.9 and 0.999. The fused update takes 1 - β₂ of that, 1.3e-5 off 0.001,
# and the correction of the bias makes up for it if it starts from the same number.
BETAS = (float(np.float32(0.9)), float(np.float32(0.999)))
EPSILON = 1e-8


class AdamW:
    """AdamW (Loshchilov and Hutter, ICLR 2019), the same as torch's.

    MindSpore's own is slower (it compiles itself, and then takes twice the time), loses digits in
    the first steps (β₂ᵗ in float32) and does not open its moments. But it has the bulk of an update
    as one fused operation, ``AdamWeightDecay``, which lacks the bias correction; the correction is
    a factor that rate, epsilon and decay take in.
    """

    def __init__(self, weights: Mapping[str, Parameter], weight_decay: float) -> None:
        self.weights = weights
        self.weight_decay = weight_decay
        self.steps = 0
        self.first = {name: _zeros("first", w) for name, w in weights.items()}
        self.second = {name: _zeros("second", w) for name, w in weights.items()}
        self._update = ops.AdamWeightDecay()

    def step(self, grads: Mapping[str, Tensor], lr: float) -> None:
        self._adam(grads, lr, self.weight_decay)

    def _adam(self, grads: Mapping[str, Tensor], lr: float, decay: float) -> None:
        self.steps += 1
        beta1, beta2 = BETAS
        first, second = 1 - beta1**self.steps, (1 - beta2**self.steps) ** 0.5
        # lr · (m/first) / (√v/second + ε)  =  lr·second/first · m / (√v + ε·second)
        factor = second / first
        hyper = lr * factor, beta1, beta2, EPSILON * second, decay / factor
        for name, weight in self.weights.items():
            self._update(weight, self.first[name], self.second[name], *hyper, grads[name])


class Adam(AdamW):
    """Adam (Kingma and Ba, ICLR 2015), the same as torch's; the decay joins the gradient."""

    def step(self, grads: Mapping[str, Tensor], lr: float) -> None:
        if self.weight_decay:
            grads = {n: grads[n] + self.weight_decay * w for n, w in self.weights.items()}
        self._adam(grads, lr, 0.0)


class Muon(AdamW):
    """Muon for kernels, AdamW for everything else; :mod:`osr_core.training.muon`."""

    def __init__(self, weights: Mapping[str, Parameter], weight_decay: float) -> None:
        self.kernels, others = partition(weights)
        super().__init__(others, weight_decay)
        self.first |= {name: _zeros("first", kernel) for name, kernel in self.kernels.items()}
        self._orthogonalise = compiled(orthogonalise)

    def step(self, grads: Mapping[str, Tensor], lr: float) -> None:
        super().step(grads, lr * OTHERS)
        for name, kernel in self.kernels.items():
            grad, momentum = grads[name], self.first[name]
            momentum.set_data(momentum * MOMENTUM + grad)
            update = (grad + momentum * MOMENTUM).reshape(kernel.shape[0], -1)
            size = step_size(*update.shape)
            step = self._orthogonalise(update).reshape(kernel.shape) * (lr * size)
            kernel.set_data(kernel * (1 - lr * self.weight_decay) - step)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Nearly the closest matrix with orthogonal rows or columns; singular values 0.7 to 1.2."""
    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (ops.sqrt((x * x).sum()) + 1e-7)
    square = ops.matmul(x, x.T)
    one = factor = ops.eye(x.shape[0], x.shape[0], x.dtype)
    for _ in range(ITERATIONS):
        polynomial = a * one + b * square + c * ops.matmul(square, square)
        factor = ops.matmul(polynomial, factor)
        square = ops.matmul(ops.matmul(polynomial, square), polynomial)
    x = ops.matmul(factor, x)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


OPTIMIZERS: Mapping[str, type[AdamW]] = {"adam": Adam, "adamw": AdamW, "muon": Muon}
"""The class of each kind; all take named weights and weight decay."""


def _zeros(moment: str, weight: Parameter) -> Parameter:
    return Parameter(ops.zeros_like(weight), name=f"{moment}.{weight.name}")
