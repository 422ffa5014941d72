"""Optimizer steps of one network, written once; a backend adds gradients, updates and messages."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from osr_core.backend import Network, World
from osr_core.errors import OptionError
from osr_core.spec import ModelSpec, RoutedExperts
from osr_core.training.options import TrainerOptions
from osr_core.training.routing import Replay, Samples, is_head, routing_samples

Arrays = dict[str, NDArray[np.float32]]

Tensors = dict[str, Any]
"""Tensors of the backend's framework by the name of their weight."""


class Optimizer(Protocol):
    """A backend's optimizer over named weights."""

    steps: int
    """Steps done."""
    first: Tensors
    """First moments: averages of the gradients."""
    second: Tensors
    """Second moments; not of all weights in Muon."""

    def step(self, grads: Tensors, lr: float) -> None:
        """Update weights and moments by the gradients of the weights, at a learning rate."""


class Trainer(ABC):
    """An optimizer on a loss of one network.

    Args:
        network: to train; all processes get the weights of rank 0.
        options: loss, optimizer, gradient clipping, accumulation and precision.
        world: the processes that train together, as ``init_distributed`` returned it.

    Raises:
        OptionError: for ``routing`` without frozen, routed experts.
    """

    distributed: ModuleType
    """The backend's module of that name."""
    optimizer: Optimizer

    def __init__(self, network: Network, options: TrainerOptions, world: World) -> None:
        self.network = network
        self.options = options
        if options.routing and not _has_frozen_experts(network.spec):
            raise OptionError("routing: is for routed_experts in a frozen model")
        self.replay = Replay(options.routing_replay, world.rank)
        self.world = world
        if world.size > 1:
            self.distributed.broadcast(network)

    def gradients(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32]
    ) -> tuple[float, Arrays]:
        """Loss of a batch, two of ``(N, 3, H, W)``, and its gradient by each trainable weight.

        Raises:
            OptionError: if N is not a multiple of ``accumulation_steps``.
        """
        loss, grads = self._gradients(inputs, targets, 1.0)
        return loss, {name: self._array(grad) for name, grad in grads.items()}

    def step(
        self,
        inputs: NDArray[np.float32],
        targets: NDArray[np.float32],
        lr: float,
        scale: float = 1.0,
    ) -> float:
        """One optimizer step; returns the loss before it.

        A step whose loss or gradient is not finite changes nothing and returns NaN.

        Args:
            inputs: ``(N, 3, H, W)``.
            targets: the same shape.
            lr: learning rate.
            scale: the loss is multiplied by it before its gradient is computed, and the gradient
                divided, so that small gradients do not vanish in float16.

        Raises:
            OptionError: if N is not a multiple of ``accumulation_steps``.
        """
        loss, grads = self._gradients(inputs, targets, scale)
        norm = self._norm(grads)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return math.nan
        # As torch.nn.utils.clip_grad_norm_ does it.
        factor = (self.options.clip_grad_norm or math.inf) / (norm + 1e-6)
        if factor < 1:
            grads = {name: grad * factor for name, grad in grads.items()}
        self.optimizer.step(grads, lr)
        return loss

    def state(self) -> Arrays:
        """The optimizer's moments, ``first.NAME`` and ``second.NAME``."""
        return {name: self._array(moment) for name, moment in self._moments().items()}

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]], updates: int) -> None:
        """Set the moments to those after a number of updates."""
        self.optimizer.steps = updates
        for name, moment in self._moments().items():
            self._assign(moment, values[name])

    def routing_samples(
        self,
        images: NDArray[np.float32],
        targets: NDArray[np.float32],
        changes: Sequence[Any],
        inputs: NDArray[np.float32],
    ) -> Samples:
        """What this batch teaches the router and the gates, with samples that are repeated.

        Args:
            images: ``(N, 3, H, W)``.
            targets: the clean images, of the same shape.
            changes: tensors, the output of each expert less the image.
            inputs: the images, or with ``routing_heads`` the evidence in them.
        """
        arrays = [self._array(change) for change in changes]
        backbone = self.network.spec.backbone
        assert isinstance(backbone, RoutedExperts)
        samples = routing_samples(images, targets, arrays, backbone.cell)
        return self.replay.add(samples._replace(inputs=inputs))

    def learns(self, name: str) -> bool:
        """Whether a trainable weight of this name is trained."""
        return not self.options.routing_heads or is_head(name)

    def mean(self, value: float) -> float:
        """Mean of a number over the processes of the world."""
        mean: float = self.distributed.mean(value) if self.world.size > 1 else value
        return mean

    def _moments(self) -> Tensors:
        first, second = self.optimizer.first, self.optimizer.second
        return {f"first.{n}": m for n, m in first.items()} | {
            f"second.{n}": m for n, m in second.items()
        }

    def _gradients(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], scale: float
    ) -> tuple[float, Tensors]:
        self.options.check_batch_size(len(inputs))
        parts = self.options.accumulation_steps
        loss, grads = 0.0, Tensors()
        for x, y in zip(np.split(inputs, parts), np.split(targets, parts), strict=True):
            scaled, part = self._backward(x, y, scale / parts)
            loss += scaled / scale
            grads = {name: grads[name] + grad for name, grad in part.items()} if grads else part
        if scale != 1:
            grads = {name: grad / scale for name, grad in grads.items()}
        if self.world.size > 1:
            means = self.distributed.average(tuple(grads.values()))
            return self.mean(loss), dict(zip(grads, means, strict=True))
        return loss, grads

    @abstractmethod
    def _backward(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], factor: float
    ) -> tuple[float, Tensors]:
        """Loss of a batch times a factor, and its gradients, both times the factor."""

    @abstractmethod
    def _norm(self, grads: Tensors) -> float:
        """Euclidean norm of all together."""

    @abstractmethod
    def _array(self, tensor: Any) -> NDArray[np.float32]:
        """A copy as an array."""

    @abstractmethod
    def _assign(self, tensor: Any, values: NDArray[np.floating[Any]]) -> None:
        """Overwrite a tensor."""


def _has_frozen_experts(spec: ModelSpec) -> bool:
    routed = isinstance(spec.backbone, RoutedExperts) and not spec.reprogrammed
    return routed and spec.frozen
