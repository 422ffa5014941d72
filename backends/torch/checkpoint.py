"""Networks from weight files and back. Twin of :mod:`backends.mindspore.checkpoint`."""

from __future__ import annotations

from os import PathLike

from backends.torch.base import Network
from backends.torch.device import check_precision, select
from backends.torch.networks import build
from osr_core.checkpoint import Checkpoint
from osr_core.registry import find_weights


def load(
    model: str | PathLike[str], device: str = "auto", precision: str = "float32"
) -> Network:
    """The network of a registered model or a weight file, ready to restore.

    Args:
        model: a name that ``osr models`` lists, or the path of a ``.safetensors`` file.
        device: ``auto``, ``cpu``, ``cuda[:i]`` or ``ascend[:i]``.
        precision: ``float32``, ``bfloat16`` or ``float16`` (convolutions; the phase stays in
            float32).

    Raises:
        ModelError: if there is no such model.
        CheckpointError: if the file cannot be read or does not match its spec.
        DeviceError: if the device is absent or lacks the precision.
    """
    target = select(device)
    check_precision(target, precision)
    checkpoint = Checkpoint.load(find_weights(model))
    network = build(checkpoint.spec)
    network.load_state(checkpoint.state)
    network.precision = precision
    return network.to(target).eval()
