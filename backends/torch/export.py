"""Programs of ``torch.export`` for other programs. Twin of :mod:`backends.mindspore.export`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.export import Dim

from backends.torch.networks import build
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.context import SIDE


def export(
    checkpoint: Checkpoint,
    path: Path,
    metadata: Mapping[str, str],
    backbone: nn.Module | None = None,
) -> None:
    """Write a network's program; the metadata become extra files in it."""
    network = build(checkpoint.spec, device="cpu", state=checkpoint.state, backbone=backbone).eval()
    known = analyse(checkpoint.spec)
    stride, batch = known.total_stride, Dim("batch")
    least = 2 * stride + 2 * (stride == 1)
    inputs = [torch.zeros(2, 3, max(least, known.minimum), max(3 * stride, known.minimum))]
    rows, columns = (stride * d if stride > 1 else d for d in (Dim("rows"), Dim("columns")))
    free = [{0: batch, 2: rows, 3: columns}]
    if known.context_channels:
        inputs.append(torch.zeros(2, known.context_channels, SIDE, SIDE))
        free.append({0: batch})
    with torch.no_grad():
        program = torch.export.export(network, tuple(inputs), dynamic_shapes=tuple(free))
    torch.export.save(program, path, extra_files=dict(metadata))


def run(
    path: Path, images: NDArray[np.float32], context: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Read a file back and run it on the CPU; ``context`` where the network takes one."""
    network = torch.export.load(path).module()
    inputs = [torch.from_numpy(each) for each in (images, context) if each is not None]
    with torch.inference_mode():
        result: NDArray[np.float32] = network(*inputs).numpy()
    return result
