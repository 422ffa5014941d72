"""Optimizer steps of one network. Twin of :mod:`backends.mindspore.training`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backends.torch import distributed
from backends.torch.base import Network
from backends.torch.device import autocast, check_precision
from backends.torch.losses import Loss, routing_loss
from backends.torch.mixtures import RoutedExperts
from backends.torch.optimizers import OPTIMIZERS
from osr_core.backend import SINGLE, World
from osr_core.training import trainer
from osr_core.training.options import TrainerOptions
from osr_core.training.trainer import Tensors


class Trainer(trainer.Trainer):
    """An optimizer on a loss of one network; :class:`osr_core.training.trainer.Trainer`.

    Args:
        network: to train, on its device.
        options: loss, optimizer, gradient clipping, accumulation and precision.
        vgg: VGG16's weights by name, for the perceptual loss.
        world: the processes that train together, as :func:`~.distributed.init_distributed`
            returned it; the network's weights become those of rank 0.

    Raises:
        DeviceError: if the network's device lacks the precision.
        OptionError: if the perceptual loss is asked for without ``vgg``.
    """

    distributed = distributed

    def __init__(
        self,
        network: Network,
        options: TrainerOptions,
        vgg: Mapping[str, NDArray[np.floating[Any]]] | None = None,
        world: World = SINGLE,
    ) -> None:
        super().__init__(network, options, world)
        self._network = network.train()
        trainable = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self.weights = {n: p for n, p in trainable.items() if self.learns(n)}
        self.device = next(network.parameters()).device
        check_precision(self.device.type, options.precision)
        self.loss = Loss(options.loss, vgg).to(self.device)
        optimizer = options.optimizer
        self.optimizer = OPTIMIZERS[optimizer.kind](self.weights, optimizer.weight_decay)

    def _backward(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], factor: float
    ) -> tuple[float, Tensors]:
        x, y = (torch.from_numpy(np.ascontiguousarray(a)) for a in (inputs, targets))
        x = x.to(self.device, memory_format=torch.channels_last)
        compute = self._routing_loss if self.options.routing else self._loss
        loss = compute(x, y.to(self.device)) * factor
        grads = torch.autograd.grad(loss, list(self.weights.values()))
        return loss.item(), dict(zip(self.weights, grads, strict=True))

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        with autocast(self.device.type, self.options.precision):
            result = self._network(x)
        total: Tensor = self.loss(result.float(), y)
        return total

    def _routing_loss(self, x: Tensor, y: Tensor) -> Tensor:
        network = self._network
        assert isinstance(network, RoutedExperts)
        precision = self.options.precision
        heads = self.options.routing_heads
        with torch.no_grad(), autocast(self.device.type, precision):
            changes = network.changes(x)
            inputs = network.evidence(network.look(x)) if heads else x
        samples = self.routing_samples(self._array(x), self._array(y), changes, self._array(inputs))
        inputs, energies, *targets = (
            torch.from_numpy(array).to(self.device) for array in samples.arguments
        )
        with autocast(self.device.type, precision):
            evidence = inputs if heads else network.evidence(network.look(inputs))
            routes, gates = network.routing(evidence, energies)
        return routing_loss(routes.float(), gates.float(), *targets)

    def _norm(self, grads: Tensors) -> float:
        return torch.nn.utils.get_total_norm(grads.values()).item()

    def _array(self, tensor: Tensor) -> NDArray[np.float32]:
        return tensor.detach().float().cpu().numpy().copy()

    def _assign(self, tensor: Tensor, values: NDArray[np.floating[Any]]) -> None:
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))
