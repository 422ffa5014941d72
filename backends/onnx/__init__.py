"""The ONNX backend: restores without a framework, by ONNX Runtime. It does not train."""

from __future__ import annotations

from osr_core.backend import require_backend

require_backend("onnx")

from backends.onnx.base import Network
from backends.onnx.device import devices, version
from backends.onnx.networks import build, load
from backends.onnx.training import Trainer, init_distributed, reprogram, shutdown

name = "onnx"
"""Of this backend."""
