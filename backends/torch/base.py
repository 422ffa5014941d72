"""What all networks have in common. Twin of :mod:`backends.mindspore.base`."""

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
    """What all networks have in common; the protocol is :class:`osr_core.backend.Network`."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.precision = "float32"

    def predict(
        self, images: NDArray[np.float32], scene: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Restore a batch on the device where the network is, without gradients.

        Args:
            images: ``(N, 3, H, W)`` in [0, 1], sides multiples of the size multiple.
            scene: for a network that looks at the scene, where the images are windows of it:
                :func:`osr_core.scene.thumbnail` of the whole, ``(N, 3, SIDE, SIDE)``.

        Returns:
            ``(N, 3, H, W)`` float32, not clipped.
        """
        device = next(self.parameters()).device
        with torch.inference_mode(), autocast(device, self.precision):
            x = torch.from_numpy(np.ascontiguousarray(images)).to(device)
            x = x.to(memory_format=torch.channels_last)
            seen = () if scene is None else (torch.from_numpy(scene).to(device),)
            return self(x, *seen).float().cpu().numpy()

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
