"""Training in several processes. Twin of :mod:`backends.mindspore.distributed`.

``torchrun --nproc-per-node=2 script.py`` starts the script twice; each process calls
:func:`init_distributed` before it builds anything, takes its share of every batch, and calls
:func:`shutdown` at the end:

    world = init_distributed("auto")
    network = build(spec, device=world.device)
    broadcast(network)
    gradients = average(torch.autograd.grad(...))
    ...
    shutdown()

In a single process, started by hand, all of this does nothing, so the same script serves both.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor, distributed, nn

from backends.torch.device import devices, select, torch_device
from osr_core.backend import World, local_device
from osr_core.errors import BackendError

STARTED = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}
"""Environment variables that torchrun sets for each process."""

LIBRARIES = {"cpu": "gloo", "cuda": "nccl", "npu": "hccl"}
"""What carries messages between devices of a type."""


def init_distributed(device: str) -> World:
    """Join the processes that ``torchrun`` started, if it did.

    Args:
        device: ``auto``, ``cpu``, ``cuda[:i]`` or ``ascend[:i]``; of several processes each takes
            the GPU or NPU of its local rank, whatever the index.

    Returns:
        Rank, number of processes and device of this one; ``World(0, 1, device)`` if it is single.

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
    target = torch_device(select(name))
    if target.type != "cpu":
        getattr(torch, target.type).set_device(target)
    if not _joined():
        distributed.init_process_group(LIBRARIES[target.type])
    return World(distributed.get_rank(), distributed.get_world_size(), name)


def shutdown() -> None:
    """Leave the other processes, once all are here."""
    if _joined():
        mean(0.0)  # complete only when all took part; NCCL's barrier needs the device
        distributed.destroy_process_group()


def mean(value: float) -> float:
    """Mean of a number over all processes, in float32; waits for them. NaN if any is NaN."""
    if not _joined():
        return value
    library = distributed.get_backend()
    device = next(kind for kind, name in LIBRARIES.items() if name == library)
    total = torch.tensor([value], dtype=torch.float32, device=device)
    distributed.all_reduce(total)
    return total.item() / distributed.get_world_size()


def broadcast(network: nn.Module) -> None:
    """Give all processes the weights of rank 0."""
    if not _joined():
        return
    for tensor in network.state_dict().values():
        value = tensor.contiguous()  # NCCL takes no other
        distributed.broadcast(value, 0)
        tensor.copy_(value)


def average(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Means over all processes of float32 tensors, such as gradients, alike in shape in all.

    For the mean to be that of the whole batch, all processes need equally large parts of it.
    """
    if not _joined():
        return tensors
    # One message instead of many; unlike DistributedDataParallel, after the whole backward pass.
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    parts = (flat / distributed.get_world_size()).split([tensor.numel() for tensor in tensors])
    return tuple(p.view(t.shape) for p, t in zip(parts, tensors, strict=True))


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
