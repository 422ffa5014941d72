"""The networks of specs, as MindSpore cells. Twin of :mod:`backends.torch.networks`."""

from __future__ import annotations

from backends.mindspore.backbones import BACKBONES
from backends.mindspore.base import Network
from backends.mindspore.device import select
from backends.mindspore.reprogramming import Reprogramming
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


def build(spec: ModelSpec, seed: int = 0, device: str | None = None) -> Network:
    """The network of a spec on a device, with :func:`osr_core.initial.initial_state`.

    Without a device: on the one that the process computes on.

    Raises:
        DeviceError: if there is no such device here, or the process is bound to another.
    """
    if device is not None:
        select(device)
    network = Reprogrammed(spec) if spec.reprogrammed else BACKBONES[spec.backbone.kind](spec)
    network.load_state(initial_state(spec, seed))
    return network
