"""The report as Markdown: the tables that a README or a paper quotes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from osr.evaluation.records import Description, ModelEntry
from osr.report.markup import counted, interval, percent, signed, spaced
from osr.report.matrix import figures_of
from osr.report.method import FOOTER, conventions, trained_on
from osr.report.summary import Line, Summary, decibels


def render(description: Description, summary: Summary) -> str:
    """The whole text."""
    parts = [
        "# OSR matrix",
        f"{counted(sum(c.images for c in summary.columns), 'image')}, {description.backend}, "
        f"osr {description.osr}, seed {description.seed}.",
        "## Three figures",
        _figures(summary),
        "## Gain in dB over the untouched input",
        matrix(summary),
        "*Italic*: degradation that the model never saw. First row, and clean images: PSNR in dB.",
        "## Details",
        _details(summary),
        "## How it was measured",
        "\n".join(f"- {text}" for text in conventions(description)),
        _protocols(summary),
        "\n".join(f"- {_model(model)}" for model in summary.judged),
        FOOTER,
    ]
    return "\n\n".join(parts) + "\n"


def matrix(summary: Summary) -> str:
    """The OSR matrix as a table, models in rows; unseen degradation in italics."""
    rows = [
        [line.title, *(_gain(summary, line, column.name) for column in summary.columns)]
        for line in summary.lines()
    ]
    return table(["model", *(column.name for column in summary.columns)], rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; what would end a cell or begin markup in it is escaped.

    >>> print(table(["a", "b"], [["1|2", "3"]]))
    | a | b |
    |---|---|
    | 1\\|2 | 3 |
    """
    lines = [head, *rows]
    text = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(head), *text[1:]])


def _gain(summary: Summary, line: Line, column: str) -> str:
    cell = line.cells.get(column)
    if cell is None:
        return ""
    if not cell.of_degradation:
        return decibels(cell.psnr)
    if line.mixed:
        return f"{signed(cell.gain)} ({summary.titles[cell.model]})"
    return f"*{signed(cell.gain)}*" if cell.state == "unseen" else signed(cell.gain)


def _figures(summary: Summary) -> str:
    rows = []
    for model in summary.networks:
        figures = summary.figures[model.name]
        gains = [
            f"{signed(i.mean)} dB ({interval(i.low, i.high)})" if columns else "–"
            for i, columns in (
                (figures.seen_interval, figures.seen_columns),
                (figures.unseen_interval, figures.unseen_columns),
            )
        ]
        harm = f"{percent(figures.harm_share)}, {signed(-figures.harm_loss)} dB among them"
        rows.append([summary.titles[model.name], *gains, harm if figures.unseen_images else "–"])
    return table(["model", "gain on seen degradation", "gain on unseen degradation", "harm"], rows)


def _details(summary: Summary) -> str:
    head = ["degradation", "model", "trained on it", "images", "PSNR in", "PSNR out", "gain",
            "95 % interval", "worse", "SSIM in", "SSIM out"]  # fmt: skip
    return table(head, [
        [column.name, summary.titles[model.name], cell.known, *figures_of(cell)]
        for column in summary.columns
        for model in summary.judged
        if (cell := summary.cells.get((model.name, column.name))) is not None
    ])  # fmt: skip


def _protocols(summary: Summary) -> str:
    rows = [[c.name, spaced(c.kind), str(c.images), c.protocol] for c in summary.columns]
    return table(["column", "kind", "images", "protocol"], rows)


def _model(model: ModelEntry) -> str:
    verb = "meant for" if model.kind == "baseline" else "trained on"
    size = f", {model.parameters:,} parameters" if model.parameters else ""
    return f"{model.title}{size}: {verb} {trained_on(model)}."
