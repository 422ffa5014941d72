"""The MindSpore backend. Twin of :mod:`backends.torch`."""

from __future__ import annotations

import os
import tempfile

from osr_core.backend import require_backend

require_backend("mindspore")

from backends.mindspore import onednn  # noqa: E402

# MindSpore takes these two settings from the environment only: no warnings by default, and the
# report of a graph that fails to compile (rank_0/) among temporary files, not in the working
# directory.
os.environ.setdefault("GLOG_v", "3")
os.environ.setdefault(
    "MS_OM_PATH", os.path.join(tempfile.gettempdir(), f"osr-mindspore-{os.getpid()}")
)
onednn.cap()

from backends.mindspore.base import Network  # noqa: E402
from backends.mindspore.device import devices, version  # noqa: E402
from backends.mindspore.distributed import init_distributed, shutdown  # noqa: E402
from backends.mindspore.networks import build, load  # noqa: E402
from backends.mindspore.reprogramming import reprogram  # noqa: E402
from backends.mindspore.training import Trainer  # noqa: E402

name = "mindspore"
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
