"""The base class of all networks. Twin of :mod:`backends.mindspore.base`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backends.pretrained import Pretrained
from backends.torch.device import autocast
from osr_core.checkpoint import check_tensors, state_names
from osr_core.spec import ModelSpec, RoutedExperts, UNet


class Network(Pretrained, nn.Module):
    """The base class of all networks; implements :class:`osr_core.backend.Network`."""

    backend = "torch"
    spec: ModelSpec
    """What the network is; :func:`~.networks.build` sets it."""
    precision = "float32"
    """Type in which :meth:`predict` computes convolutions."""
    overlap: int | None = None
    """Pixels by which tiles should overlap, if that was measured."""

    @property
    def memory_factor(self) -> float:
        """Memory of a tile, relative to its feature maps; see :class:`osr_core.backend.Network`."""
        if isinstance(self.spec.backbone, RoutedExperts):
            return 1.15
        return 0.8 if isinstance(self.spec.backbone, UNet) and not self.spec.reprogrammed else 1.3

    def predict(
        self, images: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        device = next(self.parameters()).device
        training = self.training
        self.eval()
        try:
            with torch.inference_mode(), autocast(device.type, self.precision):
                rows = images if min(images.strides) >= 0 else images.copy()
                x = torch.from_numpy(rows).to(device)
                x = x.to(memory_format=torch.channels_last)
                rest = () if context is None else (torch.from_numpy(context).to(device),)
                return self(x, *rest).float().cpu().numpy()
        finally:
            self.train(training)

    def state(self) -> dict[str, NDArray[np.float32]]:
        tensors = self._tensors()
        return {
            name: tensors[name].detach().float().cpu().numpy().copy()
            for name in state_names(self.spec, tensors)
        }

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        tensors = self._tensors()
        check_tensors({name: tuple(tensor.shape) for name, tensor in tensors.items()}, values)
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(values[name])))

    def _tensors(self) -> dict[str, Tensor]:
        """Weights, and the floating buffers of an external backbone (batch statistics)."""
        tensors = self.state_dict(keep_vars=True)
        return {
            name: tensor
            for name, tensor in tensors.items()
            if tensor.is_floating_point() and self.spec.stores(name)
        }
