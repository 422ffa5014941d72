"""Networks from specs and from weight files. Twin of :mod:`backends.mindspore.networks`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from backends.torch.backbones import GridDehaze, Residual, UNet
from backends.torch.base import Network
from backends.torch.device import check_precision, has_fast_bfloat16, select, torch_device
from backends.torch.mixtures import Experts, RoutedExperts
from backends.torch.reprogramming import Reprogrammed
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
    backbone: nn.Module | None = None,
) -> Network:
    """The network of a spec on a device.

    Args:
        spec: the network.
        seed: of its initial weights, :func:`osr_core.initial.initial_state`.
        device: ``auto``, ``cpu``, ``cuda[:i]`` or ``ascend[:i]``; ``None``: PyTorch's default.
        state: weights by canonical name, in place of initial ones.
        backbone: the module of an external backbone, whose weights stay where ``state`` has none.

    Raises:
        DeviceError: if there is no such device here.
        ModelError: if the backbone is external and not given.
        CheckpointError: if the weights are not those of the spec.
    """
    check_backbone(spec, backbone)
    state = initial_state(spec, seed) if state is None else state
    check_state(spec, state)
    target = torch.get_default_device() if device is None else torch_device(select(device))
    if backbone is None:
        return _build(spec, state, target)
    network = Reprogrammed(backbone, spec)
    network.load_state({**network.state(), **state})
    return network.to(target)


def load(
    model: str | PathLike[str] | Checkpoint,
    device: str = "auto",
    precision: str = "float32",
    *,
    backbone: nn.Module | None = None,
) -> Network:
    """The network of a registered model or a weight file, ready to restore.

    Args:
        model: as :meth:`osr_core.Checkpoint.load` takes it, or what that returned.
        device: ``auto``, ``cpu``, ``cuda[:i]`` or ``ascend[:i]``.
        precision: of convolutions: ``float32``, ``bfloat16`` or ``float16``.
        backbone: that of :func:`~.reprogramming.reprogram`, if the model was made by it; its
            weights become those of the file.

    Raises:
        ModelError: if there is no such model, or it lacks its backbone.
        CheckpointError: if the file cannot be read or does not match its spec or backbone.
        DeviceError: if the device is absent or lacks the precision.
    """
    target = torch_device(select(device))
    if precision != "auto":
        check_precision(target.type, precision)
    checkpoint = model if isinstance(model, Checkpoint) else Checkpoint.load(model)
    cost = checkpoint.measured.get("bfloat16")
    precision = choose_precision(precision, cost, has_fast_bfloat16(target.type))
    spec = checkpoint.spec
    check_backbone(spec, backbone)
    if backbone is None:
        network = _build(spec, checkpoint.state, target)
    else:
        network = Reprogrammed(backbone, spec).to(target)
        network.load_state(checkpoint.state)
    network.precision = precision
    network.overlap = checkpoint.overlap
    return network.eval()


def _build(
    spec: ModelSpec, state: Mapping[str, NDArray[np.floating[Any]]], device: torch.device
) -> Network:
    """The network with these weights, which must be those of the spec."""
    with torch.device("meta"):  # no memory and no random numbers for weights replaced below
        backbone = BACKBONES[spec.backbone.kind](spec.backbone, spec.backbone_channels)
        network = Reprogrammed(backbone, spec) if spec.reprogrammed else backbone
    network.spec = spec
    for name, weight in network.named_parameters():
        weight.requires_grad_(spec.learns(name))
    tensors = {name: torch.tensor(values, dtype=torch.float32) for name, values in state.items()}
    network.load_state_dict(tensors, assign=True)
    return network.to(device)
