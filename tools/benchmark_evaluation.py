"""How much of its time an evaluation spends in the network.

    python tools/benchmark_evaluation.py

Made-up photographs of 481×321 with noise, one model, no baselines: reading, degrading and scoring
run beside the network, so that nearly all of the time should be the network's own. Prints two
shares. "In the network": the part of the wall clock during which the network computed. "As fast as
the network alone": the time of the same images through the network and nothing else, over the time
of the evaluation; what runs beside it takes its cores, so this one can only be lower.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backends import get_backend
from osr.cli import backend_option, run
from osr.degradations.resize import resize_bicubic
from osr.evaluation.candidates import network_candidate
from osr.evaluation.columns import grid, locate
from osr.evaluation.records import Row
from osr.evaluation.runner import plan
from osr.evaluation.runner import run as run_jobs
from osr.images import Picture, write
from osr_core import restore
from osr_core.registry import default_model

HEIGHT, WIDTH = 321, 481


@click.command(help=__doc__)
@click.option("--model", default=default_model, help="Registered name or .safetensors file.")
@click.option("--images", default=100, show_default=True, help="Photographs.")
@click.option("--cores", default=2, show_default=True, help="CPU cores to use (Linux only).")
@backend_option
def main(model: str, images: int, cores: int, backend: str | None) -> None:
    """Measure and print both shares."""
    if sys.platform == "linux":  # the frameworks look at it when they start
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    module = get_backend(backend)
    network = module.load(model)
    candidate = network_candidate(model, lambda _: network)
    with tempfile.TemporaryDirectory() as folder:
        photographs = Path(folder) / "photographs"
        photographs.mkdir()
        for index in range(images):
            write(photographs / f"{index:03}.png", Picture(_photograph(index)))
        (column,) = grid([locate(f"photographs={photographs}")], ["noise:25"])
        degraded = [column.load(index, 0)[0] for index in range(images)]
        alone, alone_cpu = _timed(lambda: [restore(image, network) for image in degraded])
        rows: list[Row] = []
        jobs = plan([candidate], [column], Path(folder))
        seconds, cpu = _timed(lambda: run_jobs(jobs, Path(folder), on_row=rows.append))
    inside = sum(row.seconds for row in rows)
    click.echo(f"{images} images of {WIDTH}×{HEIGHT}, {model}, {module.name}, {cores} cores")
    click.echo(f"evaluation              {seconds:7.1f} s, {cpu:7.1f} s of CPU")
    click.echo(f"network alone           {alone:7.1f} s, {alone_cpu:7.1f} s of CPU")
    click.echo(f"in the network          {inside / seconds:7.1%}")
    click.echo(f"as fast as it alone     {alone / seconds:7.1%}")


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and on all cores of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _photograph(seed: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 with structure of every size, as photographs have."""
    rng = np.random.default_rng(seed)
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for exponent in range(8):
        small = rng.standard_normal((2 << exponent, 3 << exponent, 3), np.float32)
        image += resize_bicubic(small, (HEIGHT, WIDTH)) / np.float32(2**exponent)
    image = (image - image.min()) / (image.max() - image.min())
    levels: NDArray[np.uint8] = np.rint(255 * image).astype(np.uint8)
    return levels


if __name__ == "__main__":
    run(main)
