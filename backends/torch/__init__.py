"""The PyTorch backend. Twin of :mod:`backends.mindspore`."""

from __future__ import annotations

from osr_core.backend import require_backend

require_backend("torch")

from backends.torch.base import Network
from backends.torch.device import devices, version
from backends.torch.distributed import init_distributed, shutdown
from backends.torch.networks import build, load
from backends.torch.reprogramming import reprogram
from backends.torch.training import Trainer

name = "torch"
"""Of this backend."""
