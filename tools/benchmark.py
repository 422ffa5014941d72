"""Measure the speed of a backend on this CPU.

    python tools/benchmark.py torch
    python tools/benchmark.py mindspore
    ONEDNN_MAX_CPU_ISA=ALL python tools/benchmark.py mindspore  # without the cap of oneDNN

Medians in milliseconds of a 3×3 convolution of 64 channels, in PyTorch also in its channels_last
layout, and of the default U-Net. One core by default: on a machine that also does other work the
threads of PyTorch wait for each other, and the schedulers are compared instead of the frameworks.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

import click
import numpy as np

from backends import get_backend
from osr.cli import run
from osr_core.backend import FRAMEWORKS
from osr_core.spec import ModelSpec, UNet

CHANNELS, SIDE = 64, 128

MAX_SECONDS = 2.0
"""After these a figure is not measured again: without the cap one run takes many."""

Work = Callable[[], object]


@click.command(help=__doc__)
@click.argument("backend", type=click.Choice(FRAMEWORKS))
@click.option("--repeats", default=7, show_default=True, help="Runs per figure; median.")
@click.option("--size", default=256, show_default=True, help="Side of the U-Net's image.")
@click.option("--cores", default=1, show_default=True, help="CPU cores to use (Linux only).")
def main(backend: str, repeats: int, size: int, cores: int) -> None:
    """Measure and print the table."""
    if sys.platform == "linux":  # before the framework is loaded and counts them
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    network = get_backend(backend).build(ModelSpec(UNet()))
    image = np.full((1, 3, size, size), 0.5, np.float32)
    works: dict[str, Work] = {f"U-Net {size}×{size}": lambda: network.predict(image)}
    for layout in ("", " channels_last") if backend == "torch" else ("",):
        name = f"convolution {SIDE}×{SIDE}{layout}"
        forward, both = _torch(bool(layout)) if backend == "torch" else _mindspore()
        works |= {name: forward, f"{name}, with backward": both}
    for name, work in works.items():
        print(f"{name:50}{_median(work, repeats):9.1f}")


def _torch(channels_last: bool) -> tuple[Work, Work]:
    import torch

    from backends.torch.layers import conv

    layout = torch.channels_last if channels_last else torch.contiguous_format
    layer = conv(CHANNELS, CHANNELS).to(memory_format=layout)  # type: ignore[call-overload]
    image = torch.full((1, CHANNELS, SIDE, SIDE), 0.5).to(memory_format=layout).requires_grad_()
    sources = [image, *layer.parameters()]
    forward = torch.inference_mode()(lambda: layer(image))
    return forward, lambda: torch.autograd.grad(layer(image).sum(), sources)


def _mindspore() -> tuple[Work, Work]:
    import mindspore as ms

    from backends.mindspore.layers import conv

    layer = conv(CHANNELS, CHANNELS)
    image = ms.Tensor(np.full((1, CHANNELS, SIDE, SIDE), 0.5, np.float32))
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


if __name__ == "__main__":
    run(main)
