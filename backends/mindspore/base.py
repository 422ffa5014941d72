"""The base class of all networks. Twin of :mod:`backends.torch.base`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn
from numpy.typing import NDArray

from backends.mindspore.device import bound_kernels, compiled, set_precision
from backends.pretrained import Pretrained
from osr_core.checkpoint import check_tensors, state_names
from osr_core.migration import canonical_name
from osr_core.spec import ModelSpec, RoutedExperts


class Network(Pretrained, nn.Cell):
    """The base class of all networks; implements :class:`osr_core.backend.Network`."""

    backend = "mindspore"
    spec: ModelSpec
    """What the network is; :func:`~.networks.build` sets it."""
    precision = "float32"
    """Type in which :meth:`predict` computes convolutions."""
    precision_prefix = ""
    """Of the names of the convolutions that it is for; all others are computed in float32."""
    overlap: int | None = None
    """Pixels by which tiles should overlap, if that was measured."""

    @property
    def memory_factor(self) -> float:
        """Memory of a tile, relative to its feature maps; see :class:`osr_core.backend.Network`."""
        return 4.0 if isinstance(self.spec.backbone, RoutedExperts) else 2.6

    def predict(
        self, images: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        set_precision(self, self.precision)
        bound_kernels(images.shape)
        training = self.training
        self.set_train(False)
        try:
            x = Tensor(np.ascontiguousarray(images))
            rest = () if context is None else (Tensor(context),)
            return self._forward(x, *rest).astype(ms.float32).asnumpy()
        finally:
            self.set_train(training)

    @cached_property
    def _forward(self) -> Callable[..., Tensor]:
        return compiled(self)

    def state(self) -> dict[str, NDArray[np.float32]]:
        tensors = self._tensors()
        # asnumpy() is another view of the same memory.
        return {
            name: tensors[name].asnumpy().astype(np.float32)
            for name in state_names(self.spec, tensors)
        }

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        tensors = self._tensors()
        check_tensors({name: tuple(tensor.shape) for name, tensor in tensors.items()}, values)
        self.assign(values)

    def assign(self, values: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        """Copy weights into the network without checks."""
        for name, tensor in self._tensors().items():
            tensor.set_data(Tensor(np.ascontiguousarray(values[name], np.float32)))

    def _tensors(self) -> dict[str, Parameter]:
        """Weights, and the batch statistics of an external backbone."""
        return {
            canonical_name(name): tensor
            for name, tensor in self.parameters_and_names()
            if self.spec.stores(name)
        }
