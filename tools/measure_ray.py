"""Images per second of ``osr restore --ray`` over workers of one core each, printed and plotted.

    python tools/measure_ray.py PICTURES -o throughput.png --workers 1 --workers 2

PICTURES is a folder of some hundred images of one size. Each number of workers has a cluster of as
many cores on this machine. The time runs from the first finished batch to the last, without the
start of Ray and of the networks.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import ray
from matplotlib.figure import Figure

import osr
from osr.cli import run
from osr.cluster.restoration import BATCH
from osr_core.errors import OptionError
from osr_core.registry import default_model


@click.command(help=__doc__)
@click.argument("pictures")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="PNG or SVG.")
@click.option("--model", default=default_model(), show_default=True)
@click.option("--workers", multiple=True, type=click.IntRange(1), default=(1, 2), show_default=True)
def main(pictures: str, output: Path, model: str, workers: tuple[int, ...]) -> None:
    """Measure, print, plot."""
    rates = {}
    for count in workers:
        rates[count] = _rate(pictures, model, count)
        click.echo(f"{count} workers: {rates[count]:.2f} images/s")
    figure = Figure((5, 3.5), layout="constrained", dpi=150)
    axes = figure.subplots()
    first = workers[0]
    axes.plot(workers, [rates[first] * count / first for count in workers], "--", label="linear")
    axes.plot(list(rates), list(rates.values()), "o-", label=model)
    axes.set(xlabel="workers", ylabel="images per second", xticks=workers, ylim=0)
    axes.legend(frameon=False)
    figure.savefig(output)


def _rate(pictures: str, model: str, count: int) -> float:
    """Images per second of a number of workers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use
    times: list[float] = []
    ray.init(num_cpus=count, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with TemporaryDirectory() as target:
        osr.restore_on_ray(
            pictures, target, model=model, device="cpu", workers=count,
            progress=lambda *_: times.append(time.monotonic()),
        )  # fmt: skip
    ray.shutdown()
    if len(times) <= 2 * count * BATCH:
        raise OptionError(f"{pictures}: {len(times)} images, too few for {count} workers")
    return (len(times) - BATCH) / (times[-1] - times[0])


if __name__ == "__main__":
    run(main)
