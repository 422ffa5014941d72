"""Networks from specs and from weight files. Twin of :mod:`backends.torch.networks`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from mindspore import nn
from mindspore.nn.utils import no_init_parameters
from numpy.typing import NDArray

from backends.mindspore.backbones import GridDehaze, Residual, UNet
from backends.mindspore.base import Network
from backends.mindspore.device import check_precision, has_fast_bfloat16, select
from backends.mindspore.mixtures import Experts, RoutedExperts
from backends.mindspore.reprogramming import Reprogrammed
from osr_core.backend import choose_precision
from osr_core.checkpoint import Checkpoint, check_state
from osr_core.initial import initial_state
from osr_core.reprogramming import check_backbone
from osr_core.spec import ModelSpec

BACKBONES = {
    "residual": Residual,
    "griddehaze": GridDehaze,
    "unet": UNet,
    "experts": Experts,
    "routed_experts": RoutedExperts,
}
"""Every backbone by its kind: ``(spec, channels) → network``."""


def build(
    spec: ModelSpec,
    seed: int = 0,
    device: str | None = None,
    state: Mapping[str, NDArray[np.floating[Any]]] | None = None,
    *,
    backbone: nn.Cell | None = None,
) -> Network:
    """As :func:`backends.torch.networks.build`; without a device, on MindSpore's default.

    DeviceError also if the process is bound to another device.
    """
    if device is not None:
        select(device)
    check_backbone(spec, backbone)
    state = initial_state(spec, seed) if state is None else state
    check_state(spec, state)
    if backbone is None:
        return _build(spec, state)
    network = Reprogrammed(backbone, spec)
    network.load_state({**network.state(), **state})
    return network


def load(
    model: str | PathLike[str] | Checkpoint,
    device: str = "auto",
    precision: str = "float32",
    *,
    backbone: nn.Cell | None = None,
) -> Network:
    """As :func:`backends.torch.networks.load`; the backbone is a cell."""
    # The device belongs to the process, so there is none to move the network to afterwards.
    kind = select(device).kind
    if precision != "auto":
        check_precision(kind, precision)
    checkpoint = model if isinstance(model, Checkpoint) else Checkpoint.load(model)
    cost = checkpoint.measured.get("bfloat16")
    precision = choose_precision(precision, cost, has_fast_bfloat16(kind))
    spec = checkpoint.spec
    check_backbone(spec, backbone)
    if backbone is None:
        network = _build(spec, checkpoint.state)
    else:
        network = Reprogrammed(backbone, spec)
        network.load_state(checkpoint.state)
    network.precision = precision
    network.overlap = checkpoint.overlap
    return network.set_train(False)


def _build(spec: ModelSpec, state: Mapping[str, NDArray[np.floating[Any]]]) -> Network:
    """The network with these weights, which must be those of the spec."""
    with no_init_parameters():  # no random numbers for weights replaced below
        backbone = BACKBONES[spec.backbone.kind](spec.backbone, spec.backbone_channels)
        network = Reprogrammed(backbone, spec) if spec.reprogrammed else backbone
    network.spec = spec
    for name, weight in network.parameters_and_names():
        weight.requires_grad = spec.learns(name)
    network.assign(state)
    return network
