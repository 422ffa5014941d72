"""The OSR matrix as a heat map and as plain tables, and the three figures of each model."""

from __future__ import annotations

import math
from itertools import groupby

from osr.evaluation.records import ModelEntry
from osr.evaluation.statistics import NOTICEABLE, Interval, OSRFigures
from osr.report.markup import (
    counted,
    escape,
    interval,
    percent,
    plain,
    signed,
    spaced,
    tag,
    ticks,
)
from osr.report.summary import STATES, Cell, Line, Summary, decibels

_AXIS = 240
"""Width in SVG units of the axis on which the gains of the three figures lie."""


def heat_map(summary: Summary) -> str:
    """The matrix: a row a model, a column a data set and degradation, the gain in dB in each cell."""
    rows = "".join(_row(summary, line) for line in summary.lines())
    table = tag("table", f"{_head(summary)}<tbody>{rows}</tbody>", class_="heat", data_show="gain",
                id="heat")  # fmt: skip
    limit = summary.limit
    return f"""<p>Mean gain in PSNR over the untouched input, in dB, for each model and each kind of
degradation. A full dot marks degradation that the model was trained on, a ring degradation that it never saw.</p>
<div class="bar"><div class="legend" aria-hidden="true"><span>{signed(-limit, 1)}</span>
<i class="scale"></i><span>{signed(limit, 1)} dB</span>
<span class="key"><i class="dot seen"></i>seen</span><span class="key"><i class="dot unseen"></i>
never seen</span>{_unknown(summary)}</div>
<div class="segments" role="group" aria-label="What the cells show" id="show" hidden>
<button type="button" data-show="gain" aria-pressed="true">Gain</button><button type="button"
data-show="psnr" aria-pressed="false">PSNR</button><button type="button" data-show="ssim"
aria-pressed="false">SSIM</button></div></div>
<div class="scroll" tabindex="0" role="region" aria-label="OSR matrix, scrolls sideways">{table}
</div>
<details><summary>All figures behind the matrix, as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="All figures, scrolls sideways">
{_details(summary)}</div></details>"""


def _unknown(summary: Summary) -> str:
    """Part of the legend that most reports do not need."""
    if all(cell.state != "unknown" for cell in summary.cells.values()):
        return ""
    return f"<span class='key'><i class='dot unknown'></i>{STATES['unknown']}</span>"


def _head(summary: Summary) -> str:
    kinds = "".join(
        tag("th", escape(_kind(kind)), scope="colgroup", colspan=len(list(group)), class_="kind")
        for kind, group in groupby(summary.columns, key=lambda column: column.kind)
    )
    names = "".join(
        tag("th", f"<span>{escape(column.data)}</span> {escape(_words(column.degradation or ''))}",
            scope="col", title=f"{column.images} images; {column.protocol}")
        for column in summary.columns
    )  # fmt: skip
    return (
        "<caption class='sr'>Mean gain in dB by model and degradation</caption>"
        f"<thead><tr><td></td>{kinds}</tr><tr><th scope='col'>Model</th>{names}</tr></thead>"
    )


def _row(summary: Summary, line: Line) -> str:
    head = tag("th", f"<b>{escape(line.title)}</b><small>{line.about}</small>", scope="row")
    cells = "".join(
        _cell(summary, cell, summary.titles[cell.model] if line.mixed else "")
        if (cell := line.cells.get(column.name)) is not None
        else "<td class='blank'><span class='sr'>not run</span></td>"
        for column in summary.columns
    )
    return tag("tr", head + cells, class_=line.kind)


def _cell(summary: Summary, cell: Cell, name: str) -> str:
    # A clean image has nothing to gain; what counts is how close to it the result stays.
    absolute = not cell.of_degradation
    texts = {
        "gain": decibels(cell.psnr) if absolute else signed(cell.gain),
        "psnr": decibels(cell.psnr),
        "ssim": plain(cell.ssim, 3),
    }
    content = "".join(tag("span", text, class_=f"v {name}") for name, text in texts.items())
    if name:
        content += tag("small", escape(name))
    elif cell.state != "none":
        content += f"<i class='dot {cell.state}'></i><span class='sr'>{STATES[cell.state]}</span>"
    # The share of the colour at an end of the scale that is mixed into the colour of no gain.
    part = 0.0 if absolute else max(-1.0, min(1.0, cell.gain / summary.limit))
    button = tag("button", content, type="button", data_model=cell.model, data_column=cell.column)
    side = "loss" if part < 0 else "win"
    return tag("td", button, class_=f"{side} {cell.state}", style=f"--part:{abs(part):.1%}")


def _details(summary: Summary) -> str:
    head = "".join(
        tag("th", name, scope="col")
        for name in ("Degradation", "Model", "Trained on it", "Images", "PSNR in", "PSNR out", "Gain",
                     "95 % interval", "Worse", "SSIM in", "SSIM out")
    )  # fmt: skip
    rows = "".join(
        tag("tr", "".join((
            tag("th", escape(column.name), scope="row"),
            tag("td", escape(model.title), class_="text"),
            tag("td", cell.known, class_="text"),
            *(tag("td", value) for value in figures_of(cell)),
        )))
        for column in summary.columns
        for model in summary.judged
        if (cell := summary.cells.get((model.name, column.name))) is not None
    )  # fmt: skip
    return f"<table class='plain'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def figures_of(cell: Cell) -> tuple[str, ...]:
    """Images, PSNR in and out, gain, its interval, share worse, SSIM in and out, as text."""
    return (
        str(cell.images),
        decibels(cell.input_psnr),
        decibels(cell.psnr),
        *(
            (signed(cell.gain), interval(cell.low, cell.high), percent(cell.worse))
            if cell.of_degradation
            else ("–", "–", "–")
        ),
        plain(cell.input_ssim, 4),
        plain(cell.ssim, 4),
    )


def three_figures(summary: Summary) -> str:
    """Gain on seen degradation, gain on unseen degradation and harm of every model but the untouched one."""
    figures = [summary.figures[model.name] for model in summary.networks]
    ends = [x for f in figures for x in (*f.seen_interval, *f.unseen_interval) if math.isfinite(x)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    margin = 0.05 * (high - low or 1.0)
    axis = (low - margin, high + margin)
    rows = "".join(_figures_row(model, summary.figures[model.name], axis)
                   for model in summary.networks)  # fmt: skip
    return f"""<p>Gains in PSNR over the untouched input, with 95 % bootstrap intervals; each column
of the matrix weighs the same. <b>Harm</b> is the share of images with degradation never seen that lost
more than {NOTICEABLE:g} dB.</p>
<table class="three"><thead><tr><td></td><th scope="col">Gain on seen degradation</th>
<th scope="col">Gain on unseen degradation</th><th scope="col">Harm</th></tr></thead>
<tbody>{rows}</tbody></table>"""


def _figures_row(model: ModelEntry, figures: OSRFigures, axis: tuple[float, float]) -> str:
    gains = "".join(
        tag("td", _estimate(estimate, axis, name, columns), data_label=f"Gain on {name} degradation")
        for name, estimate, columns in (
            ("seen", figures.seen_interval, figures.seen_columns),
            ("unseen", figures.unseen_interval, figures.unseen_columns),
        )
    )
    harm = "<span class='big'>–</span><small>no unseen degradation measured</small>"
    if figures.unseen_images:
        loss = f"{signed(-figures.harm_loss)} dB among them"
        harm = (
            f"<span class='big'>{percent(figures.harm_share)}</span>"
            f"<i class='share' style='--part:{figures.harm_share:.1%}'></i>"
            f"<small>{loss if figures.harm_share else 'none came out worse'}; "
            f"{figures.unseen_images} images</small>"
        )
    title = tag("th", f"<b>{escape(model.title)}</b>", scope="row")
    return f"<tr>{title}{gains}<td data-label='Harm'>{harm}</td></tr>"


def _estimate(estimate: Interval, axis: tuple[float, float], name: str, columns: int) -> str:
    if not columns:
        return f"<span class='big'>–</span><small>no {name} degradation measured</small>"
    return (
        f"<span class='big'>{signed(estimate.mean)}<em> dB</em></span>{_whisker(estimate, axis)}"
        f"<small>{interval(estimate.low, estimate.high)}; {counted(columns, 'column')}</small>"
    )


def _whisker(estimate: Interval, axis: tuple[float, float]) -> str:
    def x(value: float) -> str:
        return f"{(value - axis[0]) / (axis[1] - axis[0]) * _AXIS:.1f}"

    mean, low, high = estimate
    side = "loss" if mean < 0 else "win"
    grid = "".join(f"<path class='grid' d='M{x(t)} 2V18'/>" for t in ticks(*axis, most=8))
    return (
        f"<svg class='whisker {side}' viewBox='0 0 {_AXIS} 20' aria-hidden='true'>{grid}"
        f"<path class='zero' d='M{x(0)} 0V20'/><path class='arm' d='M{x(0)} 10H{x(mean)}'/>"
        f"<path class='span' d='M{x(low)} 10H{x(high)}'/>"
        f"<circle cx='{x(mean)}' cy='10' r='5'/></svg>"
    )


def _words(degradation: str) -> str:
    return "" if degradation == "none" else spaced(degradation).replace(":", " ")


def _kind(kind: str) -> str:
    """A kind of degradation as a heading."""
    words = {"none": "Clean", "jpeg": "JPEG"}
    return words.get(kind) or spaced(kind).capitalize()
