"""The ONNX backend: restores without a framework, by ONNX Runtime. It does not train."""

from __future__ import annotations

from osr_core.backend import require_backend

require_backend("onnx")

from backends.onnx.base import Network  # noqa: E402
from backends.onnx.device import devices, version  # noqa: E402
from backends.onnx.networks import build, load  # noqa: E402
from backends.onnx.training import Trainer, init_distributed, reprogram, shutdown  # noqa: E402

name = "onnx"
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
