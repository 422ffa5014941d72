"""What each process of test_distributed.py does: a share of a batch, and what it learnt from all.

    torchrun --nproc-per-node=2 distributed_run.py torch OUT
    msrun --worker_num=2 --local_worker_num=2 --join=True distributed_run.py mindspore OUT
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet

SPEC = ModelSpec(UNet((8, 8), 1), InputTransform(2), OutputTransform(4, residual=True))
BATCH = 4
State = dict[str, NDArray[np.float32]]


def gradients(backend_name: str, seed: int = 0, rank: int = 0, size: int = 1) -> State:
    """Gradients of the L1 loss on a share of the batch, averaged over all processes."""
    network = import_module(f"backends.{backend_name}").build(SPEC, seed)
    rng = np.random.default_rng(0)
    inputs, targets = rng.random((2, BATCH, 3, 16, 16), dtype=np.float32)
    share = slice(rank * BATCH // size, (rank + 1) * BATCH // size)
    return GRADIENTS[backend_name](network, inputs[share], targets[share])


def _torch(network: Any, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> State:
    import torch

    from backends.torch.distributed import average, broadcast

    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    broadcast(network)
    names, weights = zip(*network.named_parameters(), strict=True)
    means = average(torch.autograd.grad((network(x) - y).abs().mean(), weights))
    return {name: g.numpy() for name, g in zip(names, means, strict=True)}


def _mindspore(network: Any, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> State:
    import mindspore as ms

    from backends.mindspore.distributed import average, broadcast

    x, y = ms.Tensor(inputs), ms.Tensor(targets)
    broadcast(network)
    weights = network.trainable_params()
    backward = ms.grad(lambda x: (network(x) - y).abs().mean(), None, weights)
    means = average(backward(x))
    return {p.name: g.asnumpy() for p, g in zip(weights, means, strict=True)}


GRADIENTS: dict[str, Callable[..., State]] = {"torch": _torch, "mindspore": _mindspore}


def main(backend_name: str, folder: Path) -> None:
    """Write ``RANK.npz``: gradients by name, and the other results with a leading underscore."""
    distributed = import_module(f"backends.{backend_name}.distributed")
    world = distributed.init_distributed("cpu")
    if not world.is_main:
        time.sleep(0.5)
        (folder / "late").touch()
    distributed.mean(0.0)  # waits for all
    results = {
        "_world": (world.rank, world.size),
        "_waited": (folder / "late").exists(),
        "_mean": distributed.mean(world.rank + 0.25),
        "_nan": distributed.mean(1.0 if world.rank else float("nan")),
        # Other weights in each process: broadcast() makes them those of rank 0.
        **gradients(backend_name, world.rank, world.rank, world.size),
    }
    distributed.shutdown()
    results["_after"] = distributed.mean(world.rank + 0.25)
    np.savez(folder / f"{world.rank}.npz", **results)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
