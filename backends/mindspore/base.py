"""The base class of all networks. Twin of :mod:`backends.torch.base`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from backends.mindspore.device import autocast, compiled
from osr_core.analysis import analyse
from osr_core.checkpoint import check_state
from osr_core.spec import ModelSpec


class Network(nn.Cell):
    """The base class of all networks; implements :class:`osr_core.backend.Network`."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.precision = "float32"

    def predict(
        self, images: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Restore a batch on the device where the network is, without gradients.

        Args:
            images: ``(N, 3, H, W)`` in [0, 1], H and W multiples of the total stride.
            context: of tiles, :func:`osr_core.context.thumbnail` of the whole image,
                ``(N, 3, SIDE, SIDE)``.

        Returns:
            ``(N, 3, H, W)`` float32, not clipped.
        """
        autocast(self, self.precision)
        x = Tensor(np.ascontiguousarray(images))
        rest = () if context is None else (Tensor(context),)
        return self._forward(x, *rest).astype(ms.float32).asnumpy()

    @cached_property
    def _forward(self) -> Callable[..., Tensor]:
        return compiled(self)

    def state(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all weights by canonical name, in the spec's order, float32."""
        tensors = self.parameters_dict()
        names = [parameter.name for parameter in analyse(self.spec).parameters]
        # asnumpy() is another view of the same memory.
        return {name: tensors[name].asnumpy().copy() for name in names}

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        """Copy weights into the network.

        Raises:
            CheckpointError: unless names and shapes are the spec's and all numbers are finite.
        """
        check_state(self.spec, values)
        for name, tensor in self.parameters_dict().items():
            tensor.set_data(Tensor(np.ascontiguousarray(values[name], np.float32)))
