"""The optimizers. Twin of :mod:`backends.mindspore.optimizers`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from osr_core.training.muon import COEFFICIENTS, ITERATIONS, MOMENTUM, OTHERS, partition, step_size

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class AdamW:
    """AdamW (Loshchilov and Hutter, ICLR 2019): torch's, over named weights."""

    kind: type[torch.optim.Adam] = torch.optim.AdamW

    def __init__(self, weights: Mapping[str, Tensor], weight_decay: float) -> None:
        self.weights = weights
        self.weight_decay = weight_decay
        self.steps = 0
        self.first = {name: torch.zeros_like(w) for name, w in weights.items()}
        self.second = {name: torch.zeros_like(w) for name, w in weights.items()}
        group = {"params": list(weights.values())}  # may be empty, unlike a bare list
        self._torch = self.kind([group], betas=BETAS, eps=EPSILON, weight_decay=weight_decay)

    def step(self, grads: Mapping[str, Tensor], lr: float) -> None:
        for name, weight in self.weights.items():
            weight.grad = grads[name]
            self._torch.state[weight] = {
                "step": torch.tensor(float(self.steps)),
                "exp_avg": self.first[name],
                "exp_avg_sq": self.second[name],
            }
        self._torch.param_groups[0]["lr"] = lr
        self._torch.step()
        self._torch.zero_grad()
        self.steps += 1


class Adam(AdamW):
    """Adam (Kingma and Ba, ICLR 2015): torch's; the decay joins the gradient."""

    kind = torch.optim.Adam


class Muon(AdamW):
    """Muon for kernels, AdamW for everything else; :mod:`osr_core.training.muon`."""

    def __init__(self, weights: Mapping[str, Tensor], weight_decay: float) -> None:
        self.kernels, others = partition(weights)
        super().__init__(others, weight_decay)
        self.first |= {name: torch.zeros_like(kernel) for name, kernel in self.kernels.items()}

    @torch.no_grad()
    def step(self, grads: Mapping[str, Tensor], lr: float) -> None:
        super().step(grads, lr * OTHERS)
        for name, kernel in self.kernels.items():
            grad, momentum = grads[name], self.first[name]
            momentum.mul_(MOMENTUM).add_(grad)
            update = grad.add(momentum, alpha=MOMENTUM).flatten(1)
            size = step_size(*update.shape)
            kernel.mul_(1 - lr * self.weight_decay)
            kernel.sub_(orthogonalise(update).view_as(kernel), alpha=lr * size)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Nearly the closest matrix with orthogonal rows or columns; singular values 0.7 to 1.2."""
    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    square = x @ x.T
    one = factor = torch.eye(len(x), device=x.device)
    for _ in range(ITERATIONS):
        polynomial = a * one + b * square + c * (square @ square)
        factor = polynomial @ factor
        square = polynomial @ square @ polynomial
    x = factor @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


OPTIMIZERS: Mapping[str, type[AdamW]] = {"adam": Adam, "adamw": AdamW, "muon": Muon}
"""The class of each kind; all take named weights and weight decay."""
