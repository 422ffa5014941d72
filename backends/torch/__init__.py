"""The PyTorch backend. Twin of :mod:`backends.mindspore`."""

from __future__ import annotations

from osr_core.backend import require_backend

require_backend("torch")

from backends.torch.base import Network  # noqa: E402
from backends.torch.device import devices, version  # noqa: E402
from backends.torch.distributed import init_distributed, shutdown  # noqa: E402
from backends.torch.networks import build, load  # noqa: E402
from backends.torch.reprogramming import reprogram  # noqa: E402
from backends.torch.training import Trainer  # noqa: E402

name = "torch"
"""Of this backend."""

__all__ = [
    "Network",
    "Trainer",
    "build",
    "devices",
    "init_distributed",
    "load",
    "name",
    "reprogram",
    "shutdown",
    "version",
]
