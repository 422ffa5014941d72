"""PNG figures for papers, drawn by matplotlib where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np

from osr.report.markup import signed
from osr.report.summary import Cell, Summary, decibels
from osr_core.files import atomic_write

_DPI = 200
_STYLE: dict[Any, Any] = {"font.size": 8, "font.family": "sans-serif", "axes.spines.top": False,
          "axes.spines.right": False, "axes.unicode_minus": True}  # fmt: skip


def write(folder: Path, summary: Summary) -> list[str]:
    """Write ``matrix.png`` and ``distribution.png``.

    Returns:
        Nothing, or one line that says why no figure was drawn.
    """
    if find_spec("matplotlib") is None:
        return ["figures skipped: matplotlib is not installed (pip install 'osr[report]')"]
    if not summary.cells:
        return ["figures skipped: there are no results yet"]
    import matplotlib as mpl

    folder.mkdir(exist_ok=True)
    with mpl.rc_context(_STYLE):
        _save(_matrix(summary), folder / "matrix.png")
        if any(cell.of_degradation for cell in summary.cells.values()):
            _save(_distribution(summary), folder / "distribution.png")
    return []


def _save(figure: Any, path: Path) -> None:
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, bbox_inches="tight", facecolor="white")


def _matrix(summary: Summary) -> Any:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    lines, columns = summary.lines(), summary.columns
    gains = np.full((len(lines), len(columns)), np.nan)
    figure = Figure(figsize=(1.9 + 0.56 * len(columns), 1.2 + 0.38 * len(lines)))
    axes = figure.subplots()
    for i, line in enumerate(lines):
        for j, column in enumerate(columns):
            cell = line.cells.get(column.name)
            if cell is None:
                continue
            gains[i, j] = cell.gain if cell.of_degradation else 0.0
            axes.text(j, i - 0.16 * line.mixed, _text(cell), ha="center", va="center", fontsize=7.5,
                      style="italic" if cell.state == "unseen" else "normal")  # fmt: skip
            if line.mixed:
                name = summary.titles[cell.model]
                axes.text(j, i + 0.24, shorten(name, 15, placeholder="…"), ha="center", va="center",
                          fontsize=4)  # fmt: skip
    colours = LinearSegmentedColormap.from_list("gain", ["#ef9350", "#f4f2ee", "#64a3dc"])
    drawn = axes.imshow(gains, cmap=colours, vmin=-summary.limit, vmax=summary.limit, aspect="auto")
    axes.set_xticks(range(len(columns)), [c.name for c in columns], rotation=40, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    axes.set_yticks(range(len(lines)), [line.title for line in lines])
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(lines) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, pad=0.02, extend="both", label="gain in dB")
    bar.outline.set_visible(False)
    axes.set_title("Gain over the untouched input; italics: degradation never seen; "
                   "first row and clean: PSNR", fontsize=8, loc="left")  # fmt: skip
    return figure


def _text(cell: Cell) -> str:
    return signed(cell.gain) if cell.of_degradation else decibels(cell.psnr)


def _distribution(summary: Summary) -> Any:
    from matplotlib.figure import Figure

    columns = [column for column in summary.columns if not column.clean]
    lines = [line for line in summary.lines() if line.kind != "untouched"]
    width = 0.8 / max(1, len(lines))
    figure = Figure(figsize=(1.2 + 0.62 * len(columns) * max(1.0, len(lines) / 4), 3.2))
    axes = figure.subplots()
    axes.axhline(0, color="#555555", linewidth=0.8)
    for i, line in enumerate(lines):
        cells = [line.cells.get(column.name) for column in columns]
        places = [j + (i - (len(lines) - 1) / 2) * width for j, c in enumerate(cells) if c]
        gains = [cell.gains for cell in cells if cell]
        if not gains:
            continue
        colour = f"C{i}"
        axes.boxplot(gains, positions=places, widths=width * 0.8, whis=(5, 95), showfliers=False,
                     patch_artist=True, manage_ticks=False,
                     boxprops={"facecolor": "white", "edgecolor": colour},
                     medianprops={"color": colour, "linewidth": 1.6},
                     whiskerprops={"color": colour}, capprops={"color": colour})  # fmt: skip
        for place, values in zip(places, gains, strict=True):
            spread = (np.modf(np.arange(len(values)) * 0.618)[0] - 0.5) * width * 0.6
            axes.plot(place + spread, np.sort(values), ".", color=colour, markersize=2, alpha=0.45)
        axes.plot([], [], "s", color=colour, label=line.title)
    axes.set_xticks(range(len(columns)), [c.name for c in columns], rotation=40, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    axes.set_ylabel("gain in dB for each image")
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, ncols=min(4, len(lines)), loc="lower left", bbox_to_anchor=(0, 1))
    return figure
