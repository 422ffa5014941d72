"""Time against size, as a picture."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from osr.benchmark.rows import Benchmark, FilesRow, NetworkRow
from osr_core.files import atomic_write


def plot(result: Benchmark, path: Path) -> None:
    """Write a PNG: seconds of single files against megapixels, both logarithmic.

    Dashed is the network alone, dotted what its multiply-accumulates would take at the rate of the
    machine's matrix products.
    """
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    single = [row for row in result.files if row.count == 1]
    for number, network in enumerate(result.networks):
        rows = sorted((row for row in single if _same(row, network)), key=lambda r: r.megapixels)
        if not rows:
            continue
        sizes, colour = [row.megapixels for row in rows], f"C{number % 10}"
        label = f"{network.name}, {network.backend}, {network.precision}"
        axes.plot(sizes, [row.seconds for row in rows], "o-", color=colour, label=label)
        alone = [row.seconds / row.ratio for row in rows]
        axes.plot(sizes, alone, "--", color=colour, linewidth=1)
        if network.gemm_share is not None:
            limit = [seconds * network.gemm_share for seconds in alone]
            axes.plot(sizes, limit, ":", color=colour, linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="megapixels", ylabel="seconds")
    axes.set_title("from file to file; dashed: the network alone; dotted: matrix products")
    axes.grid(which="both", alpha=0.3)
    if single:
        axes.legend(fontsize=8)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _same(row: FilesRow, network: NetworkRow) -> bool:
    names = row.model, row.backend, row.precision
    return names == (network.name, network.backend, network.precision)
