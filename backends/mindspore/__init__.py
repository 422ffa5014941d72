"""The MindSpore backend. Twin of :mod:`backends.torch`."""

from __future__ import annotations

import os
import tempfile

from osr_core.backend import require_backend

require_backend("mindspore")

from backends.mindspore import onednn

# MindSpore takes these two settings from the environment only: no warnings by default, and the
# report of a graph that fails to compile (rank_0/) among temporary files, not in the working
# directory.
os.environ.setdefault("GLOG_v", "3")
os.environ.setdefault(
    "MS_OM_PATH", os.path.join(tempfile.gettempdir(), f"osr-mindspore-{os.getpid()}")
)
onednn.cap()

from backends.mindspore.base import Network
from backends.mindspore.device import devices, version
from backends.mindspore.distributed import init_distributed, shutdown
from backends.mindspore.networks import build, load
from backends.mindspore.reprogramming import reprogram
from backends.mindspore.training import Trainer

name = "mindspore"
"""Of this backend."""
