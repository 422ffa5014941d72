"""The networks of specs, as PyTorch modules. Twin of :mod:`backends.mindspore.networks`."""

from __future__ import annotations

import torch

from backends.torch.backbones import BACKBONES
from backends.torch.base import Network
from backends.torch.device import select
from backends.torch.reprogramming import Reprogramming
from osr_core.initial import initial_state
from osr_core.spec import ModelSpec


class Reprogrammed(Network, Reprogramming):
    """The transforms of a spec around its backbone."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        assert spec.input_transform is not None
        assert spec.output_transform is not None
        backbone = BACKBONES[spec.backbone.kind](spec)
        self.surround(backbone, spec.input_transform, spec.output_transform, frozen=spec.frozen)


def build(spec: ModelSpec, seed: int = 0, device: str = "cpu") -> Network:
    """The network of a spec on a device, with :func:`osr_core.initial.initial_state`.

    Raises:
        DeviceError: if there is no such device here.
    """
    network = Reprogrammed(spec) if spec.reprogrammed else BACKBONES[spec.backbone.kind](spec)
    network.load_state(initial_state(spec, seed))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.to(select(device))
