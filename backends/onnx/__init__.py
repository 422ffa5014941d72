"""The ONNX backend: restores without a framework, by ONNX Runtime. It does not train."""

from __future__ import annotations

import os

from osr_core.backend import require_backend

require_backend("onnx")
# Since 1.29 the builds on PyPI send names and hashes of models to Microsoft unless this is set
# before they are loaded (https://github.com/microsoft/onnxruntime/pull/27379).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from backends.onnx.base import Network
from backends.onnx.device import devices, version
from backends.onnx.networks import build, load
from backends.onnx.training import Trainer, init_distributed, reprogram, shutdown

name = "onnx"
"""Of this backend."""
