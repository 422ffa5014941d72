"""Compare the speed of MindSpore and PyTorch on this CPU.

    python tools/benchmark.py

A 3×3 convolution of 64 channels, forward and backward, and the default U-Net. Each column is
measured in a process of its own: PyTorch (eager), PyTorch in channels_last layout, MindSpore with
the oneDNN cap that backends.mindspore sets, MindSpore without it. Figures are medians; ratios are
to the first column. The U-Net of the PyTorch backend computes in channels_last in both columns. On
a CPU without AVX-512 there is no cap, and both columns of MindSpore are the same.

One core by default: on a machine that also does other work the threads of PyTorch wait for each
other, and the schedulers are compared instead of the frameworks.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import click
import numpy as np
from numpy.typing import NDArray

from backends import get_backend
from osr.cli import run
from osr_core.backend import BACKENDS, require_backend
from osr_core.spec import ModelSpec, UNet

CHANNELS, SIDE = 64, 128
COLUMNS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "torch": ("torch", {}),
    "torch nhwc": ("torch", {}),
    "mindspore": ("mindspore", {}),
    # A user's own choice of the widest instruction set is respected: no cap.
    "uncapped": ("mindspore", {"ONEDNN_MAX_CPU_ISA": "ALL"}),
}
"""Backend and environment of each column's process."""

MAX_SECONDS = 2.0
"""After these a figure is not measured again: without the cap one run takes many."""

Work = Callable[[], object]
Image = NDArray[np.float32]


@click.command(help=__doc__)
@click.option("--repeats", default=7, show_default=True, help="Runs per figure; median.")
@click.option("--size", default=256, show_default=True, help="Side of the U-Net's image.")
@click.option("--cores", default=1, show_default=True, help="CPU cores to use (Linux only).")
@click.option("--column", type=click.Choice(list(COLUMNS)), hidden=True)
def main(repeats: int, size: int, cores: int, column: str | None) -> None:
    """Measure in one process per column, and print the table."""
    if sys.platform == "linux":  # children and their frameworks inherit it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    if column:
        print(json.dumps(measure(column, repeats, size)))
        return
    for name in BACKENDS:
        require_backend(name)
    figures = {name: _in_a_process(name, repeats, size) for name in COLUMNS}
    print(f"{'milliseconds':40}" + "".join(f"{name:>11}{'ratio':>8}" for name in COLUMNS))
    for row, base in figures["torch"].items():
        cells = (f"{each[row]:11.1f}{each[row] / base:8.2f}" for each in figures.values())
        print(f"{row:40}{''.join(cells)}")


def measure(column: str, repeats: int, size: int) -> dict[str, float]:
    """Milliseconds of each row in the present process."""
    x = np.full((1, CHANNELS, SIDE, SIDE), 0.5, np.float32)
    forward, both = _torch(x, "nhwc" in column) if "torch" in column else _mindspore(x)
    network = get_backend(COLUMNS[column][0]).build(ModelSpec(UNet()))
    image = np.full((1, 3, size, size), 0.5, np.float32)
    return {
        f"convolution {SIDE}×{SIDE} forward": _median(forward, repeats),
        f"convolution {SIDE}×{SIDE} forward + backward": _median(both, repeats),
        f"U-Net {size}×{size} forward": _median(lambda: network.predict(image), repeats),
    }


def _torch(x: Image, nhwc: bool) -> tuple[Work, Work]:
    import torch

    from backends.torch.layers import conv

    layer = conv(CHANNELS, CHANNELS)
    layout = torch.channels_last if nhwc else torch.contiguous_format
    layer.to(memory_format=layout)  # type: ignore[call-overload]
    image = torch.from_numpy(x).to(memory_format=layout).requires_grad_()
    sources = [image, *layer.parameters()]
    forward = torch.inference_mode()(lambda: layer(image))
    return forward, lambda: torch.autograd.grad(layer(image).sum(), sources)


def _mindspore(x: Image) -> tuple[Work, Work]:
    import mindspore as ms

    from backends.mindspore.layers import conv

    layer, image = conv(CHANNELS, CHANNELS), ms.Tensor(x)
    gradient = ms.grad(lambda image: layer(image).sum(), 0, layer.trainable_params())
    # MindSpore computes asynchronously; asking for the numbers waits for them.
    return lambda: layer(image).asnumpy(), lambda: [g.asnumpy() for g in gradient(image)[1]]


def _median(work: Work, repeats: int) -> float:
    seconds: list[float] = []
    # The first run warms up; it counts only where it is so slow that there is no second.
    while len(seconds) <= repeats and sum(seconds) < MAX_SECONDS:
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds[1:] or seconds)


def _in_a_process(column: str, repeats: int, size: int) -> dict[str, float]:
    options = [f"--column={column}", f"--repeats={repeats}", f"--size={size}"]
    command = [sys.executable, __file__, *options, f"--cores={os.cpu_count()}"]
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_MAX_CPU_ISA")}
    environment = {**inherited, **COLUMNS[column][1]}
    child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    run(main)
