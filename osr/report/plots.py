"""Plots by matplotlib: how gains spread over images, and the matrix as a figure for papers."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from osr.report.view import STATES, Cell, View
from osr_core.files import atomic_write

_INK, _SOFT, _LINE = "#1c1e22", "#5a5e66", "#e4e1da"
_MODELS = ("#1f6cb0", "#b2560a", "#117a5b", "#a0417f", "#6453b8", "#7d6200", "#2f7480", "#666a70")
_VARIABLES = {_INK: "--ink", _SOFT: "--soft", _LINE: "--line",
              **{colour: f"--m{i}" for i, colour in enumerate(_MODELS)}}  # fmt: skip
"""Colours of the light theme, and the CSS variables of the page that replace them there."""

_STYLE: dict[Any, Any] = {
    "font.size": 8, "svg.fonttype": "none", "text.parse_math": False, "path.simplify": False,
    "text.color": _INK, "xtick.color": _SOFT, "ytick.color": _SOFT, "axes.spines.left": False,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.bottom": False,
    "xtick.major.size": 0, "ytick.major.size": 0,
}  # fmt: skip

_DOTS = 160  # images that a strip shows; of more, evenly spaced ranks


def panels(view: View) -> dict[str, str]:
    """For each column that is not clean, inline SVG of the gains of every model."""
    found = {}
    with mpl.rc_context(_STYLE):
        for index, column in enumerate(view.columns):
            if cells := view.spread(column):
                mpl.rcParams["svg.hashsalt"] = f"panel {index}"  # so that no id comes twice
                figure = Figure(figsize=(3.75, 0.46 * len(cells) + 0.25))
                bottom = 0.22 / figure.get_figheight()
                axes = figure.add_axes((0.02, bottom, 0.96, 1 - bottom))
                _panel(axes, view, cells)
                found[column.name] = _inline(figure)
    return found


def save_figures(view: View, folder: Path) -> None:
    """Write ``matrix.png`` and ``distribution.png``."""
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(_STYLE):
        _save(_matrix(view), folder / "matrix.png")
        columns = [column for column in view.columns if view.spread(column)]
        if not columns:
            return
        wide = min(3, len(columns))
        high = -(-len(columns) // wide)
        most = max(len(view.spread(column)) for column in columns)
        figure = Figure(figsize=(3.75 * wide, (0.46 * most + 0.6) * high), layout="constrained")
        for index, axes in enumerate(figure.subplots(high, wide, squeeze=False).flat):
            if index >= len(columns):
                axes.set_visible(False)
                continue
            _panel(axes, view, view.spread(columns[index]))
            axes.set_title(columns[index].name, loc="left", fontweight="bold", fontsize=9)
        figure.supxlabel("gain in dB of each image", fontsize=8)
        _save(figure, folder / "distribution.png")


def _panel(axes: Any, view: View, cells: Sequence[Cell]) -> None:
    """A strip of the gains of each model, and a box: quartiles, median, 5th and 95th percentile."""
    names = [model.name for model in view.evaluated]
    ends = [0.0, *(end for cell in cells for end in (cell.gains.min(), cell.gains.max()))]
    low, high = min(ends), max(ends)
    margin = 0.03 * (high - low or 1.0)
    axes.set(xlim=(low - margin, high + margin), ylim=(len(cells), 0), yticks=[])
    axes.grid(axis="x", color=_LINE, linewidth=0.7, clip_on=False)
    axes.set_axisbelow(True)
    axes.axvline(0, color=_SOFT, linewidth=0.9, clip_on=False)
    for row, cell in enumerate(cells):
        colour = _MODELS[names.index(cell.model.name) % len(_MODELS)]
        title = f"{shorten(cell.model.title, 40, placeholder='…')}, {STATES[cell.state]}"
        axes.text(low, row + 0.3, title, color=colour, fontsize=7.5)
        gains = np.sort(cell.gains)
        if len(gains) > _DOTS:
            gains = gains[np.linspace(0, len(gains) - 1, _DOTS).round().astype(int)]
        # Neighbours in rank get different heights, the same in each run. A dot is a line of almost
        # no length: in SVG all of them are one path.
        y = row + 0.4 + 0.16 * np.modf(np.arange(len(gains)) * 0.618)[0]
        dots = np.stack([gains, gains + 1e-3 * margin, np.full(len(gains), np.nan)], 1)
        axes.plot(dots.ravel(), y.repeat(3), color=colour, linewidth=2.6, alpha=0.45,
                  solid_capstyle="round", clip_on=False, snap=False)  # fmt: skip
        p5, p25, p50, p75, p95 = np.percentile(cell.gains, (5, 25, 50, 75, 95))
        for x, width, alpha in (((p5, p95), 1.2, 1.0), ((p25, p75), 7.0, 0.3)):
            axes.plot(x, [row + 0.78] * 2, color=colour, linewidth=width, alpha=alpha,
                      solid_capstyle="butt", clip_on=False)  # fmt: skip
        axes.plot([p50] * 2, [row + 0.64, row + 0.92], color=colour, linewidth=2, clip_on=False)


def _inline(figure: Figure) -> str:
    """SVG for a page: without a file's head, ids and size, in the page's font and colours."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<(metadata|style).*?</\1>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"(/?)>', r"<g\1>", svg).replace("<g/>", "")
    svg = re.sub(r' (?:xmlns(?::xlink)?|width|height|version)="[^"]*"', "", svg, count=5)
    svg = re.sub(r"font(?:-family)?: (?:([\d.]+px) )?'[^;\"]*;", r"font-size: \1;", svg)
    svg = svg.replace("font-size: ;", "").replace("xlink:href", "href")
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return re.sub(r"\s*\n\s*", "\n", svg)


def _save(figure: Figure, path: Path) -> None:
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=200, bbox_inches="tight", facecolor="white")


def _matrix(view: View) -> Figure:
    lines, columns = view.lines, view.columns
    gains = np.full((len(lines), len(columns)), np.nan)
    figure = Figure(figsize=(1.9 + 0.56 * len(columns), 1.2 + 0.38 * len(lines)))
    axes = figure.subplots()
    for i, line in enumerate(lines):
        shared = line.kind == "baseline"
        for j, cell in enumerate(line.cells):
            if cell is None:
                continue
            gains[i, j] = cell.gain.mean if cell.has_gain else 0.0
            style = "italic" if cell.state == "unseen" else "normal"
            axes.text(j, i - 0.16 * shared, cell.text, ha="center", va="center", style=style)
            if shared:
                name = shorten(cell.model.title, 15, placeholder="…")
                axes.text(j, i + 0.24, name, ha="center", va="center", fontsize=4)
    colours = LinearSegmentedColormap.from_list("gain", ["#ef9350", "#f4f2ee", "#64a3dc"])
    drawn = axes.imshow(gains, cmap=colours, vmin=-view.limit, vmax=view.limit, aspect="auto")
    axes.set_xticks(range(len(columns)), [c.name for c in columns], rotation=40, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    axes.set_yticks(range(len(lines)), [line.title for line in lines])
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(lines) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    bar = figure.colorbar(drawn, ax=axes, pad=0.02, extend="both", label="gain in dB")
    bar.outline.set_visible(False)
    axes.set_title("Gain over the input; italics: degradation never seen; input and clean: PSNR",
                   fontsize=8, loc="left")  # fmt: skip
    return figure
