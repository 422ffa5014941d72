"""The PyTorch backend. Twin of :mod:`backends.mindspore`."""

from __future__ import annotations

import os

from osr_core.backend import require_backend

require_backend("torch")

# PyTorch keeps the last 1,024 convolutions that it prepared in each of two caches, by size of
# image. Between the feature maps of many sizes they fragment the memory, which then grows for
# hours. 256 are more than a training step needs.
for _variable in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_variable, "256")

from backends.torch.base import Network
from backends.torch.device import devices, version
from backends.torch.distributed import init_distributed, shutdown
from backends.torch.networks import build, load
from backends.torch.reprogramming import reprogram
from backends.torch.training import Trainer

name = "torch"
"""Of this backend."""
