"""The report as one HTML file that needs nothing but itself."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import Any

from osr.evaluation.records import Description
from osr.evaluation.statistics import NOTICEABLE, OSRFigures, Results
from osr.report import gallery, method
from osr.report.distribution import panels
from osr.report.markup import counted, escape, interval, percent, plain, script_data, signed
from osr.report.matrix import heat_map, three_figures
from osr.report.pictures import DIFFERENCE_SCALE, Pictures
from osr.report.summary import STATES, Cell, Summary, decibels


def render(results: Results, summary: Summary, pictures: Pictures) -> str:
    """The whole page.

    Args:
        results: the evaluation.
        summary: its figures.
        pictures: what is shown of its pictures.
    """
    assets = files("osr.report") / "assets"
    scripts = ("page.js", "viewer.js") if pictures.images else ("page.js",)
    return Template((assets / "report.html").read_text("utf-8")).substitute(
        title=escape(", ".join(model.title for model in summary.judged) or "no model"),
        css=(assets / "report.css").read_text("utf-8"),
        js="\n".join((assets / name).read_text("utf-8") for name in scripts),
        lede=lede(summary),
        meta=escape(meta(results.description, summary)),
        figures=three_figures(summary),
        matrix=heat_map(summary),
        pictures=gallery.viewer(pictures, len(results.description.pictures), _title(summary)),
        spread=panels(summary),
        waves=gallery.waves(pictures),
        method=method.section(results.description),
        footer=method.FOOTER,
        data=script_data(_data(results, summary, pictures)),
    )


def lede(summary: Summary) -> str:
    """One sentence that says how the first model did, as HTML."""
    model = summary.first
    if model is None:
        return "No model was evaluated."
    figures = summary.figures[model.name]
    said = []
    if figures.seen_columns:
        said.append(f"{_changed(figures.seen_gain)} on degradation it was trained on")
    if figures.unseen_columns:
        said.append(f"{_changed(figures.unseen_gain)} on degradation it never saw")
    if not said:
        return f"{escape(model.title)}: nothing is known of what it was trained on."
    return f"{escape(model.title)} {' and '.join(said)}{_harm(figures)}."


def _changed(gain: float) -> str:
    side, verb = ("loss", "loses") if gain < 0 else ("win", "gains")
    return f"{verb} <span class='{side}'>{plain(abs(gain))} dB</span>"


def _harm(figures: OSRFigures) -> str:
    if not figures.unseen_images:
        return ""
    return f", where {percent(figures.harm_share)} of the images lose more than {NOTICEABLE:g} dB"


def meta(description: Description, summary: Summary) -> str:
    """What was evaluated with what, on one line."""
    kinds = [model.kind for model in summary.judged]
    images = sum(column.images for column in summary.columns)
    parts = [
        *(counted(kinds.count(kind), kind) for kind in ("network", "baseline") if kind in kinds),
        counted(len(summary.columns), "column"),
        counted(images, "image"),
        description.backend,
        description.precision,
        f"osr {description.osr}" if description.osr else "",
        f"seed {description.seed}",
    ]
    return " · ".join(part for part in parts if part)


def _data(results: Results, summary: Summary, pictures: Pictures) -> dict[str, Any]:
    cells: dict[str, dict[str, Any]] = {model.name: {} for model in summary.models}
    for cell in summary.cells.values():
        cells[cell.model][cell.column] = _facts(summary, cell)
    first = summary.first
    return {
        "cells": cells,
        "titles": {"truth": "Truth", **summary.titles, "input": "Input"},
        "first": first.name if first else "input",
        "images": [gallery.image_data(results, summary, image) for image in pictures.images],
        "waves": [gallery.wave_data(wave) for wave in pictures.waves],
        "differenceScale": DIFFERENCE_SCALE,
        "uris": pictures.uris,
    }


def _facts(summary: Summary, cell: Cell) -> dict[str, Any]:
    """What the tooltip of a cell says."""
    protocol = next(column.protocol for column in summary.columns if column.name == cell.column)
    lines = [f"PSNR {decibels(cell.input_psnr)} dB in", f"SSIM {plain(cell.input_ssim, 4)} in"]
    if cell.state == "clean":
        lines = [
            f"PSNR of the result {decibels(cell.psnr)} dB",
            f"SSIM of the result {plain(cell.ssim, 4)}",
            f"{counted(cell.images, 'image')}, clean already",
        ]
    elif cell.state != "none":
        lines = [
            f"PSNR {decibels(cell.input_psnr)} → {decibels(cell.psnr)} dB",
            f"gain {signed(cell.gain)} dB, 95 % {interval(cell.low, cell.high)}",
            f"SSIM {plain(cell.input_ssim, 4)} → {plain(cell.ssim, 4)}",
            f"{percent(cell.worse)} of {counted(cell.images, 'image')} worse",
            STATES[cell.state],
        ]
    return {
        "title": f"{summary.titles[cell.model]} on {cell.column}",
        "lines": [*lines, protocol],
    }


def _title(summary: Summary) -> str:
    return summary.first.title if summary.first else "the input"
