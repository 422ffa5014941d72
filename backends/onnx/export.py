"""ONNX files for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from backends.onnx.base import run_session
from backends.onnx.device import select, session
from backends.onnx.graphs import network_graph
from osr_core.checkpoint import Checkpoint


def export(checkpoint: Checkpoint, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a network's graph; the metadata become its ``metadata_props``."""
    model = network_graph(checkpoint.spec, checkpoint.state)
    helper.set_model_props(model, dict(metadata))
    path.write_bytes(model.SerializeToString())


def run(
    path: Path, images: NDArray[np.float32], context: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Read a file back and run it on the CPU; ``context`` where the network takes one."""
    return run_session(session(path.read_bytes(), select("cpu")), images, context)
