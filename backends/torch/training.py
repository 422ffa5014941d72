"""Optimiser steps of one network. Twin of :mod:`backends.mindspore.training`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backends.torch import distributed
from backends.torch.base import Network
from backends.torch.device import autocast, check_precision
from backends.torch.losses import Loss
from backends.torch.optimizers import BETAS, EPSILON, OPTIMIZERS
from osr_core.backend import SINGLE, World
from osr_core.training.options import TrainerOptions


class Trainer:
    """An optimiser on a loss of one network; :class:`osr.training.loop.Trainer`.

    Args:
        network: to train, on its device.
        options: loss, optimiser, clipping, accumulation and precision.
        vgg: VGG16's weights by name, for the perceptual loss.
        world: the processes that train together, as :func:`~.distributed.join` gave it.

    Raises:
        DeviceError: if the network's device lacks the precision.
        OptionError: if the perceptual loss is asked for without ``vgg``.
    """

    def __init__(
        self,
        network: Network,
        options: TrainerOptions,
        vgg: Mapping[str, NDArray[np.floating[Any]]] | None = None,
        world: World = SINGLE,
    ) -> None:
        self.network = network.train()
        self.options = options
        self.world = world
        self.names = [n for n, p in network.named_parameters() if p.requires_grad]
        self.weights = [p for p in network.parameters() if p.requires_grad]
        self.device = self.weights[0].device
        check_precision(self.device, options.precision)
        self.loss = Loss(options.loss, vgg).to(self.device)
        self.optimizer = OPTIMIZERS[options.optimizer.kind](
            self.weights, options.optimizer.lr, BETAS, EPSILON, options.optimizer.weight_decay
        )
        self._forward: nn.Module = distributed.wrap(network) if world.size > 1 else network

    def gradients(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32]
    ) -> tuple[float, dict[str, NDArray[np.float32]]]:
        """Loss of a batch, and its gradient by each trainable weight."""
        loss = self._backward(inputs, targets, 1.0)
        grads = [p.grad for p in self.weights]
        return loss, {n: _array(g) for n, g in zip(self.names, grads, strict=True)}

    def step(
        self,
        inputs: NDArray[np.float32],
        targets: NDArray[np.float32],
        rate: float,
        scale: float = 1.0,
    ) -> float:
        """One optimiser step at a learning rate; returns the loss before it.

        A step whose loss or gradient is not finite changes nothing and returns NaN. The loss is
        multiplied by ``scale`` before its gradient is taken, the gradient divided.
        """
        loss = self._backward(inputs, targets, scale)
        norm = torch.nn.utils.clip_grad_norm_(self.weights, self.options.clip_grad_norm or math.inf)
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
            zeros = torch.zeros_like(weight)  # before the first step
            values[f"first.{name}"] = _array(moments.get("exp_avg", zeros))
            values[f"second.{name}"] = _array(moments.get("exp_avg_sq", zeros))
        return values

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]], updates: int) -> None:
        """Take up the moments after a number of updates."""
        for name, weight in zip(self.names, self.weights, strict=True):
            self.optimizer.state[weight] = {
                "step": torch.tensor(float(updates)),
                "exp_avg": _like(values[f"first.{name}"], weight),
                "exp_avg_sq": _like(values[f"second.{name}"], weight),
            }

    def mean(self, value: float) -> float:
        """Mean of a number over the processes of the world."""
        return distributed.mean(value) if self.world.size > 1 else value

    def _backward(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], scale: float
    ) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        count = self.options.accumulation_steps
        total = 0.0
        parts = zip(np.split(inputs, count), np.split(targets, count), strict=True)
        for number, (x, y) in enumerate(parts, 1):
            with self._alone() if number < count else nullcontext():
                loss = self._loss(x, y) / count
                (loss * scale).backward()
            total += float(loss.detach())
        if scale != 1:
            for weight in self.weights:
                assert weight.grad is not None
                weight.grad /= scale
        return self.mean(total)

    def _loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> Tensor:
        x, y = (torch.from_numpy(np.ascontiguousarray(a)) for a in (inputs, targets))
        x = x.to(self.device, memory_format=torch.channels_last)
        with autocast(self.device, self.options.precision):
            result = self._forward(x)
        return self.loss(result.float(), y.to(self.device))

    def _alone(self) -> AbstractContextManager[None]:
        """Without averaging gradients over the processes: the last part does it for all."""
        no_sync = getattr(self._forward, "no_sync", None)
        return no_sync() if no_sync else nullcontext()


def _array(tensor: Tensor | None) -> NDArray[np.float32]:
    assert tensor is not None
    return tensor.detach().float().cpu().numpy().copy()


def _like(values: NDArray[np.floating[Any]], weight: Tensor) -> Tensor:
    return torch.empty_like(weight).copy_(torch.from_numpy(np.ascontiguousarray(values)))
