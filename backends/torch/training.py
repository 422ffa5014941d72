"""Optimiser steps. Twin of :mod:`backends.mindspore.training`; the loop is in osr_core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backends.torch.device import autocast, check_precision
from backends.torch.networks import Network
from osr_core.recipe import Recipe

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Trainer:
    """AdamW on the L1 loss of one network; :class:`osr_core.training.Trainer`.

    Raises :class:`DeviceError` if the network's device lacks the recipe's precision.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        self.network = network.train()
        self.recipe = recipe
        self.names = [n for n, p in network.named_parameters() if p.requires_grad]
        self.weights = [p for p in network.parameters() if p.requires_grad]
        self.device = self.weights[0].device
        check_precision(self.device, recipe.precision)
        self.optimizer = torch.optim.AdamW(
            self.weights, recipe.learning_rate, BETAS, EPSILON, recipe.weight_decay
        )

    def gradients(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32]
    ) -> tuple[float, dict[str, NDArray[np.float32]]]:
        """Loss of a batch, and its gradient by each trainable weight."""
        loss = self._backward(inputs, targets)
        grads = [p.grad for p in self.weights]
        return loss, {n: _array(g) for n, g in zip(self.names, grads, strict=True)}

    def step(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], rate: float
    ) -> float:
        """One optimiser step at a learning rate; returns the loss before it.

        A step whose loss or gradient is not finite changes nothing and returns NaN.
        """
        loss = self._backward(inputs, targets)
        norm = torch.nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        if not np.isfinite(loss) or not torch.isfinite(norm):
            return float("nan")
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return loss

    def state(self) -> dict[str, NDArray[np.float32]]:
        """The optimiser's moments, ``first.NAME`` and ``second.NAME``."""
        values = {}
        for name, weight in zip(self.names, self.weights, strict=True):
            moments = self.optimizer.state[weight]
            values[f"first.{name}"] = _array(moments["exp_avg"])
            values[f"second.{name}"] = _array(moments["exp_avg_sq"])
        return values

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]], step: int) -> None:
        """Take up the moments after ``step`` steps."""
        for name, weight in zip(self.names, self.weights, strict=True):
            self.optimizer.state[weight] = {
                "step": torch.tensor(float(step)),
                "exp_avg": _like(values[f"first.{name}"], weight),
                "exp_avg_sq": _like(values[f"second.{name}"], weight),
            }

    def _backward(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        x, y = (torch.from_numpy(a).to(self.device) for a in (inputs, targets))
        x = x.to(memory_format=torch.channels_last)
        with autocast(self.device, self.recipe.precision):
            result = self.network(x)
        loss = (result.float() - y).abs().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        return float(loss.detach())


def _array(tensor: Tensor | None) -> NDArray[np.float32]:
    assert tensor is not None
    return tensor.detach().float().cpu().numpy().copy()


def _like(values: NDArray[np.floating[Any]], weight: Tensor) -> Tensor:
    return torch.empty_like(weight).copy_(torch.from_numpy(np.ascontiguousarray(values)))
