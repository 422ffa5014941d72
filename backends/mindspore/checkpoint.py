"""Networks from weight files and back. Twin of :mod:`backends.torch.checkpoint`."""

from __future__ import annotations

from os import PathLike

from backends.mindspore.base import Network
from backends.mindspore.device import check_precision, select
from backends.mindspore.networks import build
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
    # The device is the process's, so there is none to move the network to afterwards.
    check_precision(select(device), precision)
    checkpoint = Checkpoint.load(find_weights(model))
    network = build(checkpoint.spec)
    network.load_state(checkpoint.state)
    network.precision = precision
    return network.set_train(False)
