"""Optimizer steps of one network. Twin of :mod:`backends.torch.training`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor
from numpy.typing import NDArray

from backends.mindspore import distributed
from backends.mindspore.base import Network
from backends.mindspore.device import check_precision, compiled, current, set_precision
from backends.mindspore.losses import Loss, routing_loss
from backends.mindspore.mixtures import RoutedExperts
from backends.mindspore.optimizers import OPTIMIZERS
from osr_core.backend import SINGLE, World
from osr_core.training import trainer
from osr_core.training.options import TrainerOptions
from osr_core.training.trainer import Tensors

Array = NDArray[np.floating[Any]]


class Trainer(trainer.Trainer):
    """As :class:`backends.torch.training.Trainer`."""

    distributed = distributed

    def __init__(
        self,
        network: Network,
        options: TrainerOptions,
        vgg: Mapping[str, NDArray[np.floating[Any]]] | None = None,
        world: World = SINGLE,
    ) -> None:
        super().__init__(network, options, world)
        network.set_train()
        trainable = {p.name: p for p in network.trainable_params()}
        self.weights = {n: p for n, p in trainable.items() if self.learns(n)}
        check_precision(current().kind, options.precision)
        criterion = self.loss = Loss(options.loss, vgg)
        optimizer = options.optimizer
        self.optimizer = OPTIMIZERS[optimizer.kind](self.weights, optimizer.weight_decay)

        def loss(x: Tensor, y: Tensor, factor: Tensor) -> Tensor:
            return criterion(network(x).astype(ms.float32), y) * factor

        def samples_loss(x: Tensor, energies: Tensor, *targets: Tensor) -> Tensor:
            evidence = x if options.routing_heads else network.evidence(network.look(x))
            routes, gates = network.routing(evidence, energies)
            logits = routes.astype(ms.float32), gates.astype(ms.float32)
            return routing_loss(*logits, *targets[:-1]) * targets[-1]

        weights = list(self.weights.values())
        value_and_grad = ms.value_and_grad(samples_loss if options.routing else loss, None, weights)

        def backward(*inputs: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
            return value_and_grad(*inputs)

        self._value_and_grad = compiled(backward)

    def _backward(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], factor: float
    ) -> tuple[float, Tensors]:
        set_precision(self.network, self.options.precision)
        arrays = self._samples(inputs, targets) if self.options.routing else (inputs, targets)
        tensors = (Tensor(np.ascontiguousarray(array)) for array in arrays)
        loss, grads = self._value_and_grad(*tensors, Tensor(factor, ms.float32))
        return float(loss), dict(zip(self.weights, grads, strict=True))

    def _samples(self, inputs: Array, targets: Array) -> tuple[Array, ...]:
        """The arguments of the loss of the router and the gates, but the factor."""
        network = self.network
        assert isinstance(network, RoutedExperts)
        images = Tensor(np.ascontiguousarray(inputs))
        changes = network.changes(images)
        kept = inputs
        if self.options.routing_heads:
            kept = self._array(network.evidence(network.look(images)))
        return self.routing_samples(inputs, targets, changes, kept).arguments

    def _norm(self, grads: Tensors) -> float:
        # By NumPy, since on the CPU asnumpy() is no copy and every small operation of MindSpore
        # costs more than its arithmetic: ops.clip_by_global_norm takes tens of times as long.
        arrays = (grad.asnumpy() for grad in grads.values())
        return float(np.sqrt(sum(float(np.vdot(array, array)) for array in arrays)))

    def _array(self, tensor: Tensor) -> NDArray[np.float32]:
        return tensor.asnumpy().copy()  # asnumpy() is another view of the same memory

    def _assign(self, tensor: Parameter, values: NDArray[np.floating[Any]]) -> None:
        tensor.set_data(Tensor(np.ascontiguousarray(values, np.float32)))
