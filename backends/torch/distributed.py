"""Training in several processes. Twin of :mod:`backends.mindspore.distributed`.

``torchrun --nproc-per-node=2 script.py`` starts the script twice; each process calls
:func:`init_distributed` before it builds anything, takes its share of every batch, and calls
:func:`shutdown` at the end:

    world = init_distributed("auto")
    network = build(spec).to(select(world.device))
    forward = wrap(network)  # train with this; predict, save and load with the network
    ...
    shutdown()

In a single process, started by hand, all of this does nothing, so the same script serves both.
"""

from __future__ import annotations

import os

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from backends.torch.device import devices, select
from osr_core.backend import World, local_device
from osr_core.errors import BackendError

STARTED = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}
"""Environment variables by which torchrun tells a process who it is."""

LIBRARIES = {"cpu": "gloo", "cuda": "nccl", "npu": "hccl"}
"""What carries messages between devices of a type."""


def init_distributed(device: str) -> World:
    """Join the processes that ``torchrun`` started, if it did.

    Args:
        device: ``auto``, ``cpu``, ``cuda[:i]`` or ``ascend[:i]``; of several processes each takes
            the GPU or NPU of its local rank, whatever the index.

    Returns:
        Rank, number of processes and this process's device; ``World(0, 1, device)`` if alone.

    Raises:
        DeviceError: if there is no such device, or too few of them.
        BackendError: if ``msrun`` started the process, which would train alone.
    """
    if "MS_ROLE" in os.environ:
        raise BackendError("launcher: msrun starts MindSpore; start PyTorch with torchrun")
    if not os.environ.keys() >= STARTED:
        select(device)
        return World(0, 1, device)
    name = local_device(device, devices(), int(os.environ["LOCAL_RANK"]))
    target = select(name)
    if target.type != "cpu":
        getattr(torch, target.type).set_device(target)
    if not _joined():
        distributed.init_process_group(LIBRARIES[target.type])
    return World(distributed.get_rank(), distributed.get_world_size(), name)


def shutdown() -> None:
    """Part from the other processes, once all are here; from here on this one is alone."""
    if _joined():
        wait()
        distributed.destroy_process_group()


def mean(value: float) -> float:
    """Mean of a number over all processes, in float32; NaN if it is NaN in any of them."""
    if not _joined():
        return value
    library = distributed.get_backend()
    device = next(kind for kind, name in LIBRARIES.items() if name == library)
    total = torch.tensor([value], dtype=torch.float32, device=device)
    distributed.all_reduce(total)
    return total.item() / distributed.get_world_size()


def wait() -> None:
    """Wait until all processes are here."""
    # A sum is complete only when all took part. NCCL's own barrier warns unless told the device.
    mean(0.0)


def wrap(network: nn.Module) -> nn.Module:
    """The network to train with: its gradients become the mean over all processes.

    The weights become those of rank 0. Every trainable weight must take part in every loss, and
    all processes need equal shares of the batch for the mean to be that of the whole batch.

    Returns:
        A ``DistributedDataParallel`` around the network, which shares its weights; the network
        itself if alone.
    """
    return DistributedDataParallel(network) if _joined() else network


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
