"""Optimiser steps of one network. Twin of :mod:`backends.torch.training`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from numpy.typing import NDArray

from backends.mindspore import distributed
from backends.mindspore.base import Network
from backends.mindspore.device import autocast, check_precision, compiled, current
from backends.mindspore.losses import Loss
from backends.mindspore.optimizers import OPTIMIZERS
from osr_core.backend import SINGLE, World
from osr_core.training.options import TrainerOptions


class Trainer:
    """An optimiser on a loss of one network; :class:`osr.training.loop.Trainer`.

    Args:
        network: to train.
        options: loss, optimiser, clipping, accumulation and precision.
        vgg: VGG16's weights by name, for the perceptual loss.
        world: the processes that train together, as :func:`~.distributed.join` gave it.

    Raises:
        DeviceError: if the process's device lacks the precision.
        OptionError: if the perceptual loss is asked for without ``vgg``.
    """

    def __init__(
        self,
        network: Network,
        options: TrainerOptions,
        vgg: Mapping[str, NDArray[np.floating[Any]]] | None = None,
        world: World = SINGLE,
    ) -> None:
        self.network = network.set_train()
        self.options = options
        self.world = world
        self.weights = network.trainable_params()
        self.names = [p.name for p in self.weights]
        check_precision(current(), options.precision)
        forward = distributed.wrap(network) if world.size > 1 else network
        criterion = self.loss = Loss(options.loss, vgg)
        self.optimizer = OPTIMIZERS[options.optimizer.kind](
            self.weights, options.optimizer.weight_decay
        )

        def loss(x: Tensor, y: Tensor, scale: Tensor) -> Tensor:
            return criterion(forward(x).astype(ms.float32), y) * scale

        value_and_grad = ms.value_and_grad(loss, None, self.weights)

        def backward(x: Tensor, y: Tensor, scale: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            return value_and_grad(x, y, scale)

        self._value_and_grad = compiled(backward)

    def gradients(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32]
    ) -> tuple[float, dict[str, NDArray[np.float32]]]:
        """Loss of a batch, and its gradient by each trainable weight."""
        loss, grads = self._backward(inputs, targets, 1.0)
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
        loss, grads = self._backward(inputs, targets, scale)
        norm = _norm(grads)
        if not np.isfinite(loss) or not np.isfinite(norm):
            return float("nan")
        # As torch.nn.utils.clip_grad_norm_ does it.
        factor = (self.options.clip_grad_norm or math.inf) / (norm + 1e-6)
        if factor < 1:
            grads = tuple(g * factor for g in grads)
        self.optimizer.step(grads, rate)
        return loss

    def state(self) -> dict[str, NDArray[np.float32]]:
        """The optimiser's moments, ``first.NAME`` and ``second.NAME``."""
        values = {}
        for index, name in enumerate(self.names):
            values[f"first.{name}"] = _array(self.optimizer.first[index])
            values[f"second.{name}"] = _array(self.optimizer.second[index])
        return values

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]], updates: int) -> None:
        """Take up the moments after a number of updates."""
        self.optimizer.steps = updates
        for index, name in enumerate(self.names):
            self.optimizer.first[index].set_data(_tensor(values[f"first.{name}"]))
            self.optimizer.second[index].set_data(_tensor(values[f"second.{name}"]))

    def mean(self, value: float) -> float:
        """Mean of a number over the processes of the world."""
        return distributed.mean(value) if self.world.size > 1 else value

    def _backward(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], scale: float
    ) -> tuple[float, tuple[Tensor, ...]]:
        autocast(self.network, self.options.precision)
        count = self.options.accumulation_steps
        factor = Tensor(scale / count, ms.float32)
        total = 0.0
        grads: tuple[Tensor, ...] = ()
        for x, y in zip(np.split(inputs, count), np.split(targets, count), strict=True):
            loss, part = self._value_and_grad(_tensor(x), _tensor(y), factor)
            total += float(loss) / scale
            grads = tuple(map(ops.add, grads, part)) if grads else part
        if scale != 1:
            grads = tuple(g / scale for g in grads)
        if self.world.size > 1:
            mean, *averages = distributed.average((Tensor([total], ms.float32), *grads))
            return float(mean.asnumpy()[0]), tuple(averages)
        return total, grads


def _norm(tensors: tuple[Tensor, ...]) -> float:
    # By NumPy, since on the CPU asnumpy() is no copy and every small operation of MindSpore costs
    # more than its arithmetic: ops.clip_by_global_norm takes tens of times as long.
    arrays = (tensor.asnumpy() for tensor in tensors)
    return float(np.sqrt(sum(float(np.vdot(array, array)) for array in arrays)))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    # asnumpy() is another view of the same memory.
    return tensor.asnumpy().copy()


def _tensor(values: NDArray[np.floating[Any]]) -> Tensor:
    return Tensor(np.ascontiguousarray(values, np.float32))
