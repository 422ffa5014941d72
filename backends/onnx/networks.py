"""Networks from specs and from weight files; as :mod:`backends.torch.networks`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.onnx.base import Network
from backends.onnx.device import check_precision, select
from osr_core.checkpoint import Checkpoint
from osr_core.errors import BackendError
from osr_core.initial import initial_state
from osr_core.reprogramming import check_backbone
from osr_core.spec import ModelSpec


def build(
    spec: ModelSpec,
    seed: int = 0,
    device: str | None = None,
    state: Mapping[str, NDArray[np.floating[Any]]] | None = None,
) -> Network:
    """As :func:`backends.torch.networks.build`; without a device, on the CPU."""
    check_backbone(spec, None)
    given = initial_state(spec, seed) if state is None else state
    return Network(spec, given, select(device or "cpu"))


def load(
    model: str | PathLike[str] | Checkpoint,
    device: str = "auto",
    precision: str = "float32",
    *,
    backbone: object = None,
) -> Network:
    """As :func:`backends.torch.networks.load`, in float32 and without a backbone of your own.

    Args:
        model: as :meth:`osr_core.Checkpoint.load` takes it, or what that returned.
        device: ``auto`` (CUDA or CPU), ``cpu``, ``cuda[:i]``, ``cann[:i]``, ``directml[:i]``,
            ``coreml`` or ``openvino``.
        precision: ``float32``, which is also what ``auto`` means.
        backbone: None.
    """
    chosen = select(device)
    if precision != "auto":
        check_precision(precision)
    if backbone is not None:
        raise BackendError("backend onnx: takes no backbone of your own; use torch or mindspore")
    checkpoint = model if isinstance(model, Checkpoint) else Checkpoint.load(model)
    check_backbone(checkpoint.spec, None)
    network = Network(checkpoint.spec, checkpoint.state, chosen)
    network.overlap = checkpoint.overlap
    return network
