"""MindIR files for other programs. Twin of :mod:`backends.torch.export`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from backends.mindspore.networks import build
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.context import SIDE


def export(
    checkpoint: Checkpoint,
    path: Path,
    metadata: Mapping[str, str],
    backbone: nn.Cell | None = None,
) -> None:
    """Write a network's graph; the metadata become its ``user_info``."""
    network = build(checkpoint.spec, state=checkpoint.state, backbone=backbone).set_train(False)
    inputs = [Tensor(shape=[None, 3, None, None], dtype=ms.float32)]
    channels = analyse(checkpoint.spec).context_channels
    if channels:
        inputs.append(Tensor(shape=[None, channels, SIDE, SIDE], dtype=ms.float32))

    def add_metadata(model: Any) -> None:
        model.user_info.update(metadata)

    mode = path.stat().st_mode
    ms.export(network, *inputs, file_name=str(path), file_format="MINDIR", custom_func=add_metadata)
    path.chmod(mode)  # MindSpore leaves it unwritable


def run(
    path: Path, images: NDArray[np.float32], context: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Read a file back and run it on the CPU; ``context`` where the network takes one."""
    network = nn.GraphCell(ms.load(str(path)))
    inputs = [Tensor(each) for each in (images, context) if each is not None]
    result: NDArray[np.float32] = network(*inputs).asnumpy()
    return result
