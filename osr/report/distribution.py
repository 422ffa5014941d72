"""How the gains spread over the images of each column, as inline SVG."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.records import ColumnEntry
from osr.report.markup import MINUS, escape, plain, signed, tag, ticks
from osr.report.summary import STATES, Cell, Summary

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 360, 10, 350, 46, 6
_MOST = 160
"""Dots in a strip; of more images evenly spaced ranks are drawn."""

_EXTREMES = 6
"""Images that are named at each end of a model's gains."""


def panels(summary: Summary) -> str:
    """One panel a column: a strip and a box of the gains of each model that was run on it."""
    drawn = "".join(
        _panel(summary, column, cells)
        for column in summary.columns
        if (cells := _spread(summary, column))
    )
    return f"""<p>Each dot is one image, its place the gain in dB: left of the line the image came
out worse than it went in. Boxes hold the middle half, whiskers run from the 5th to the 95th
percentile, the bar is the median. Each panel has a scale of its own.</p>
<div class="panels">{drawn}</div>
<details><summary>Largest losses and gains of each model</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Extremes, scrolls sideways">
{_extremes(summary)}</div></details>"""


def _extremes(summary: Summary) -> str:
    """The images on which each model did worst and best, over all columns, as a table."""
    rows = []
    for model in summary.judged:
        cells = [summary.cells.get((model.name, column.name)) for column in summary.columns]
        gains = sorted(
            (float(gain), cell.column, name)
            for cell in cells
            if cell is not None and cell.of_degradation
            for gain, name in zip(cell.gains, cell.names, strict=True)
        )
        most = min(_EXTREMES, len(gains) // 2)
        for (loss, *worst), (gain, *best) in zip(gains[:most], gains[::-1][:most], strict=True):
            values = (signed(loss), " / ".join(worst), signed(gain), " / ".join(best))
            texts = (
                tag("td", escape(text), class_="text" if i % 2 else None)
                for i, text in enumerate(values)
            )
            rows.append(f"<tr>{tag('th', escape(model.title), scope='row')}{''.join(texts)}</tr>")
    return (
        "<table class='plain'><thead><tr><th scope='col'>Model</th><th scope='col'>Worst</th>"
        "<th scope='col' class='text'>on</th><th scope='col'>Best</th>"
        f"<th scope='col' class='text'>on</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _spread(summary: Summary, column: ColumnEntry) -> list[Cell]:
    found = (summary.cells.get((model.name, column.name)) for model in summary.judged)
    return [cell for cell in found if cell is not None and cell.of_degradation]


def _panel(summary: Summary, column: ColumnEntry, cells: list[Cell]) -> str:
    values = [cell.gains for cell in cells]
    low = min(0.0, *(float(v.min()) for v in values))
    high = max(0.0, *(float(v.max()) for v in values))
    margin = 0.04 * (high - low or 1.0)
    low, high = low - margin, high + margin

    def x(value: float) -> str:
        return f"{_LEFT + (value - low) / (high - low) * (_RIGHT - _LEFT):.1f}"

    bottom = _TOP + _ROW * len(cells)
    parts = []
    for tick in ticks(low, high):
        parts.append(f"<path class='grid' d='M{x(tick)} {_TOP}V{bottom}'/>")
        label = f"{tick:g}".replace("-", MINUS)
        parts.append(f"<text class='tick' x='{x(tick)}' y='{bottom + 14}'>{label}</text>")
    parts.append(f"<path class='zero' d='M{x(0)} {_TOP}V{bottom}'/>")
    told = []
    for row, (cell, gains) in enumerate(zip(cells, values, strict=True)):
        title = summary.titles[cell.model]
        top = _TOP + row * _ROW
        shade = [model.name for model in summary.judged].index(cell.model) % 8
        parts.append(
            f"<g class='m{shade}'><text x='{_LEFT}' y='{top + 13}'>{escape(title)}"
            f"<tspan class='state'> {STATES[cell.state]}</tspan></text>"
            f"{_strip(gains, x, top + 20)}{_box(gains, x, top + 36)}</g>"
        )
        told.append(
            f"{title}: median {signed(float(np.median(gains)))} dB, "
            f"from {signed(float(gains.min()))} to {signed(float(gains.max()))}"
        )
    label = escape(f"Gains per image on {column.name}. {'; '.join(told)}.")
    return (
        f"<figure><figcaption><b>{escape(column.name)}</b> {column.images} images, "
        f"{plain(cells[0].input_psnr)} dB in</figcaption>"
        f"<svg viewBox='0 0 {_WIDTH} {bottom + 20}' role='img' aria-label='{label}'>"
        f"{''.join(parts)}</svg></figure>"
    )


def _strip(gains: NDArray[np.float64], x: Callable[[float], str], y: int) -> str:
    chosen = np.sort(gains)
    if len(chosen) > _MOST:
        chosen = chosen[np.linspace(0, len(chosen) - 1, _MOST).round().astype(int)]
    # Neighbours in rank go to different heights, the same on each run.
    heights = y + 5 * np.modf(np.arange(len(chosen)) * 0.618)[0]
    dots = "".join(f"M{x(v)} {h:.1f}h0" for v, h in zip(chosen, heights, strict=True))
    return f"<path class='dots' d='{dots}'/>"


def _box(gains: NDArray[np.float64], x: Callable[[float], str], y: int) -> str:
    p5, p25, p50, p75, p95 = (x(q) for q in np.percentile(gains, (5, 25, 50, 75, 95)))
    return (
        f"<path class='span' d='M{p5} {y}H{p95}'/>"
        f"<path class='box' d='M{p25} {y - 5}H{p75}V{y + 5}H{p25}Z'/>"
        f"<path class='median' d='M{p50} {y - 7}V{y + 7}'/>"
    )
