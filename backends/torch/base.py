"""The base class of all networks. Twin of :mod:`backends.mindspore.base`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from backends.torch.device import autocast
from osr_core.analysis import analyse
from osr_core.checkpoint import check_state
from osr_core.spec import ModelSpec


class Network(nn.Module):
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
        device = next(self.parameters()).device
        with torch.inference_mode(), autocast(device, self.precision):
            x = torch.from_numpy(np.ascontiguousarray(images)).to(device)
            x = x.to(memory_format=torch.channels_last)
            rest = () if context is None else (torch.from_numpy(context).to(device),)
            return self(x, *rest).float().cpu().numpy()

    def state(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all weights by canonical name, in the spec's order, float32."""
        tensors = dict(self.named_parameters())
        names = [parameter.name for parameter in analyse(self.spec).parameters]
        return {name: tensors[name].detach().float().cpu().numpy().copy() for name in names}

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        """Copy weights into the network.

        Raises:
            CheckpointError: unless names and shapes are the spec's and all numbers are finite.
        """
        check_state(self.spec, values)
        with torch.no_grad():
            for name, tensor in self.named_parameters():
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(values[name])))
