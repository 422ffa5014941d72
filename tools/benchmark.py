"""Compare the speed of MindSpore and PyTorch on this CPU.

    python tools/benchmark.py

A 3×3 convolution of 64 channels, there and back, and the default U-Net. Each column is a process
of its own: PyTorch (eager), PyTorch in channels_last layout, MindSpore with the oneDNN cap that
backends.mindspore sets, MindSpore without it. Figures are medians; ratios are to the first column.
The U-Net is that of the backends, which in PyTorch computes in channels_last in both columns. On a
CPU without AVX-512 there is no cap to set, and both columns of MindSpore are the same.

One core by default: on a machine that also does other work the threads of PyTorch wait for each
other, and a comparison of frameworks becomes one of schedulers.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import click
import numpy as np
from numpy.typing import NDArray

from osr_core.backend import BACKENDS, is_installed
from osr_core.spec import ModelSpec, UNet

CHANNELS = 64
VARIANTS = {
    "torch": {"OSR_BACKEND": "torch"},
    # The layout in which backends.torch computes; on a CPU MindSpore has only the other.
    "torch nhwc": {"OSR_BACKEND": "torch"},
    "mindspore": {"OSR_BACKEND": "mindspore"},
    # Whoever names the widest instruction set decides for himself: no cap.
    "uncapped": {"OSR_BACKEND": "mindspore", "ONEDNN_MAX_CPU_ISA": "ALL"},
}
"""Environment of each column's process."""

PATIENCE = 2.0
"""Seconds after which a figure is not measured again: without the cap one run takes many."""

Image = NDArray[np.float32]
Work = Callable[[], object]


@click.command(help=__doc__)
@click.option("--repeats", default=7, show_default=True, help="Runs per figure; median.")
@click.option("--size", default=256, show_default=True, help="Side of the U-Net's image.")
@click.option("--cores", default=1, show_default=True, help="CPU cores to use (Linux only).")
@click.option("--child", type=click.Choice(list(VARIANTS)), hidden=True)
def main(repeats: int, size: int, cores: int, child: str | None) -> None:
    """Measure in one process per column, and print the table."""
    if sys.platform == "linux":  # children and their frameworks inherit it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    if child:
        print(json.dumps(measure(repeats, size, nhwc=child == "torch nhwc")))
        return
    for name in BACKENDS:
        if not is_installed(name):
            raise click.ClickException(f"{name} is not installed: pip install 'osr[{name}]'")
    columns = {name: _run(repeats, size, name) for name in VARIANTS}
    others = [name for name in VARIANTS if name != "torch"]
    print(f"{'milliseconds':40}{'torch':>10}" + "".join(f"{n:>11}{'ratio':>8}" for n in others))
    for row, base in columns["torch"].items():
        cells = [f"{row:40}{base:10.1f}"]
        for name in others:
            cells.append(f"{columns[name][row]:11.1f}{columns[name][row] / base:8.2f}")
        print("".join(cells))


def measure(repeats: int, size: int, nhwc: bool = False) -> dict[str, float]:
    """Milliseconds of everything in the backend that the environment picks."""
    import backends

    rng = np.random.default_rng(0)
    convolution = partial(_torch, nhwc=nhwc) if backends.name == "torch" else _mindspore
    result = {}
    for side in (64, 128):
        x = rng.random((1, CHANNELS, side, side), dtype=np.float32)
        for direction, work in convolution(x).items():
            result[f"convolution {side}×{side} {direction}"] = _median(work, repeats)
    network = backends.build(ModelSpec(UNet()))
    image = rng.random((1, 3, size, size), dtype=np.float32)
    result[f"U-Net {size}×{size} forward"] = _median(lambda: network.predict(image), repeats)
    return result


def _torch(x: Image, nhwc: bool) -> dict[str, Work]:
    import torch

    from backends.torch.layers import conv

    layer = conv(CHANNELS, CHANNELS)
    layout = torch.channels_last if nhwc else torch.contiguous_format
    layer.to(memory_format=layout)  # type: ignore[call-overload]
    image = torch.from_numpy(x).to(memory_format=layout).requires_grad_()
    sources = [image, *layer.parameters()]

    def forward() -> object:
        with torch.inference_mode():
            return layer(image)

    return {
        "forward": forward,
        "forward + backward": lambda: torch.autograd.grad(layer(image).sum(), sources),
    }


def _mindspore(x: Image) -> dict[str, Work]:
    import mindspore as ms

    from backends.mindspore.layers import conv

    layer = conv(CHANNELS, CHANNELS)
    image = ms.Tensor(x)

    def total(image: ms.Tensor) -> ms.Tensor:
        return layer(image).sum()

    gradient = ms.grad(total, 0, layer.trainable_params())
    # MindSpore computes behind one's back; only who asks for the numbers waits for them.
    return {
        "forward": lambda: layer(image).asnumpy(),
        "forward + backward": lambda: [g.asnumpy() for g in gradient(image)[1]],
    }


def _median(work: Work, repeats: int) -> float:
    seconds: list[float] = []
    # The first run warms up; it counts only where it is so slow that there is no second.
    while len(seconds) <= repeats and sum(seconds) < PATIENCE:
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds[1:] or seconds)


def _run(repeats: int, size: int, name: str) -> dict[str, float]:
    options = [f"--child={name}", f"--repeats={repeats}", f"--size={size}"]
    command = [sys.executable, __file__, *options, f"--cores={os.cpu_count()}"]
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_MAX_CPU_ISA")}
    environment = {**inherited, **VARIANTS[name]}
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
