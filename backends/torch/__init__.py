"""The PyTorch backend. Twin of :mod:`backends.mindspore`."""

from __future__ import annotations

from osr_core.backend import require_backend

require_backend("torch")

from backends.torch.base import Network  # noqa: E402
from backends.torch.checkpoint import load  # noqa: E402
from backends.torch.device import cpu_cap, devices, version  # noqa: E402
from backends.torch.distributed import join, leave  # noqa: E402
from backends.torch.networks import build  # noqa: E402
from backends.torch.reprogramming import reprogram  # noqa: E402
from backends.torch.training import Trainer  # noqa: E402

__all__ = [
    "Network",
    "Trainer",
    "build",
    "cpu_cap",
    "devices",
    "join",
    "leave",
    "load",
    "reprogram",
    "version",
]
