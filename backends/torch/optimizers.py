"""How weights follow their gradients. Twin of :mod:`backends.mindspore.optimizers`."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from osr_core.training.muon import COEFFICIENTS, ITERATIONS, MOMENTUM, OTHERS, is_matrix, step_size

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Muon(torch.optim.AdamW):
    """Muon for kernels, AdamW for everything else; :mod:`osr_core.training.muon`."""

    def __init__(
        self,
        weights: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        weights = list(weights)
        self.kernels = [w for w in weights if is_matrix(tuple(w.shape))]
        others = [w for w in weights if not is_matrix(tuple(w.shape))]
        super().__init__(others, lr, betas, eps, weight_decay)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all weights, kernels included."""
        super().zero_grad(set_to_none)
        for kernel in self.kernels:
            kernel.grad = None

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step of all weights."""
        (group,) = self.param_groups
        rate, decay = group["lr"], group["weight_decay"]
        group["lr"] = rate * OTHERS
        super().step(closure)
        group["lr"] = rate
        for kernel in self.kernels:
            assert kernel.grad is not None
            momentum = self.state[kernel].setdefault("exp_avg", torch.zeros_like(kernel))
            momentum.mul_(MOMENTUM).add_(kernel.grad)
            update = kernel.grad.add(momentum, alpha=MOMENTUM).flatten(1)
            size = step_size(*update.shape)
            kernel.mul_(1 - rate * decay)
            kernel.sub_(orthogonalise(update).view_as(kernel), alpha=rate * size)


def orthogonalise(matrix: Tensor) -> Tensor:
    """:func:`osr_core.training.muon.orthogonalise`."""
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


OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "muon": Muon}
"""The class of each kind; all take weights, rate, betas, epsilon and weight decay."""
