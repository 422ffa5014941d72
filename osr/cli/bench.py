"""``osr bench``: how fast models are on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from osr.benchmark import TILES
from osr.benchmark import bench as run_bench
from osr.benchmark.rows import Benchmark
from osr.cli import options
from osr.cli.output import print_json, progress_bar, table
from osr.extras import require_extra
from osr_core.backend import BACKENDS, PRECISIONS
from osr_core.registry import default_model


@click.command()
@click.option("--model", "names", multiple=True, shell_complete=options.complete_model,
              help="Registered name or weight file; repeat for several.  "
              f"[default: {default_model()}]")  # fmt: skip
@click.option("--backend", "backends", multiple=True, type=click.Choice(BACKENDS),
              help="Repeat for several.  [default: all that are installed]")  # fmt: skip
@click.option("--precision", "precisions", multiple=True, type=click.Choice(PRECISIONS),
              default=("float32",), show_default=True, help="Repeat for several.")  # fmt: skip
@click.option("--input", "inputs", multiple=True, metavar="[Nx]MP.SUFFIX", default=("12.png",),
              show_default=True, help="Files to restore: 20x2.jpg are 20 JPEG files of 2 "
              "megapixels. Repeat for several.")  # fmt: skip
@click.option("--tile", "tiles", multiple=True, type=click.IntRange(min=1), default=TILES,
              show_default=True, help="Sides of tiles, for the networks alone.")  # fmt: skip
@click.option("--image", type=click.Path(dir_okay=False, path_type=Path),
              help="What tiles and files show.  [default: synthetic]")  # fmt: skip
@click.option("--peers", "with_peers", is_flag=True,
              help="Networks and filters of others, too.")  # fmt: skip
@click.option("--training", "with_training", is_flag=True, help="A step of training, too.")
@click.option("--processes/--no-processes", "with_processes", default=True, show_default=True,
              help="Peak memory and start of osr restore.")  # fmt: skip
@options.device
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True,
              help="Rounds; figures are medians.")  # fmt: skip
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path),
              help="PNG of time against megapixels.")  # fmt: skip
@options.model_limit
@options.json
def bench(plot: Path | None, as_json: bool, **options: Any) -> None:
    """Measure networks alone, osr restore from file to file, and both in relation.

    All measurements take turns, and ratios are of measurements that follow each other.

    \b
    osr bench --model osr-denoise --input 12.png --input 20x2.jpg
    osr bench --peers --tile 256 --image noisy.png --json
    """
    if plot is not None:
        require_extra("evaluation", "osr bench --plot")
    with progress_bar(hidden=as_json, unit="round") as progress:
        result = run_bench(**options, progress=progress)
    if plot is not None:
        from osr.benchmark.plot import plot as draw

        draw(result, plot)
    if as_json:
        print_json(asdict(result))
    else:
        click.echo("\n\n".join(_tables(result)))


def _tables(result: Benchmark) -> list[str]:
    found = [", ".join(f"{name} {value}" for name, value in result.machine.items())]
    found[0] += f"; matrix products {result.gemm_gmacs:.0f} GMAC/s; {result.repeats} rounds"
    sides = sorted({side for row in result.networks for side in row.milliseconds})
    rows: list[list[object]] = [
        ["network alone", "backend", "precision", *(f"{side}²" for side in sides), "best tile",
         "µs/pixel", "relative", "of matrix products"]
    ]  # fmt: skip
    for row in result.networks:
        times = [f"{row.milliseconds[s]:.1f} ms" if s in row.milliseconds else "" for s in sides]
        share = "" if row.gemm_share is None else f"{100 * row.gemm_share:.0f} %"
        rows.append([row.name, row.backend, row.precision, *times, str(row.tile),
                     f"{row.microseconds:.3f}", f"{row.relative:.2f}", share])  # fmt: skip
    found.append(table(rows))
    rows = [["files", "model", "backend", "precision", "seconds", "µs/pixel", "to network alone",
             "peak memory"]]  # fmt: skip
    for files in result.files:
        peak = "" if files.peak_bytes is None else f"{files.peak_bytes / 2**30:.2f} GiB"
        rows.append([files.input, files.model, files.backend, files.precision,
                     f"{files.seconds:.2f}", f"{files.microseconds:.3f}", f"{files.ratio:.2f}",
                     peak])  # fmt: skip
    found.append(table(rows))
    if result.starts:
        starts = [[row.model, row.backend, f"{row.seconds:.2f} s"] for row in result.starts]
        found.append(table([["start, one small file", "backend", "process"], *starts]))
    if result.training:
        steps = [[r.model, r.backend, f"{r.milliseconds:.0f} ms"] for r in result.training]
        found.append(table([["training, 4 × 128²", "backend", "step"], *steps]))
    return found
