"""The report as one HTML file that needs nothing but itself, and as Markdown, from templates."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from osr.evaluation.metrics import SSIM_VARIANT
from osr.evaluation.models import Model
from osr.evaluation.records import Row
from osr.evaluation.statistics import CEILING, LEVEL, NOTICEABLE, RESAMPLES, capped
from osr.inspection import PICTURES
from osr.report.pictures import DIFFERENCE_SCALE, QUALITY, Pictures
from osr.report.text import FILTERS, plain, signed, spaced
from osr.report.view import HEADINGS, STATES, View

CONVENTIONS = (
    "Gain: PSNR of the result minus PSNR of the input, for each image; a column's gain is the mean "
    "over its images.",
    f"PSNR above {CEILING:g} dB counts as {CEILING:g} dB, equal images included.",
    "Seen: the training that the model's checkpoint records included degradation of this kind. "
    "Baselines are blind, and evaluated on the degradation they are meant for.",
    "Synthetic noise is not clipped to [0, 1], unless its option clip says so.",
    "Gain on seen and on unseen degradation: mean of the columns' means, clean columns left out.",
    f"Harm: share of all images with unseen degradation that lost more than {NOTICEABLE:g} dB, and "
    "their mean loss.",
    f"Intervals: {LEVEL:.0%} percentile bootstrap over images, {RESAMPLES:,} resamples, seeded.",
    f"{SSIM_VARIANT}.",
)
"""The definition of each figure, one sentence each."""


def render_html(view: View, pictures: Pictures, panels: Mapping[str, str]) -> str:
    """The page; ``panels`` is inline SVG by the name of the column."""
    text = json.dumps(_script_data(view, pictures), ensure_ascii=False, allow_nan=False)
    # Inside <script> no "<" may end the element or open a comment.
    data = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    more = {"pictures": pictures, "quality": QUALITY, "panels": panels}
    return _environment().get_template("report.html").render(**_names(view), **more, data=data)


def render_markdown(view: View) -> str:
    """The tables that a README or a paper quotes."""
    text = _environment().get_template("report.md").render(**_names(view))
    return text.strip() + "\n"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("osr.report"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS | {"trained_on": _trained_on, "cell": _cell}
    return environment


def _names(view: View) -> dict[str, Any]:
    return {
        "view": view,
        "about": view.results.description,
        "images": sum(column.images for column in view.columns),
        "states": STATES,
        "headings": HEADINGS,
        "conventions": CONVENTIONS,
        "noticeable": NOTICEABLE,
        "isnan": math.isnan,
    }


def _trained_on(model: Model) -> str:
    """Kinds of degradation that a model was trained on, or is meant for, in words."""
    known = ", ".join(map(spaced, model.seen)) or "no known degradation"
    if model.unknown:
        known += f", and data of unknown degradation ({', '.join(model.unknown)})"
    return known


def _cell(text: str) -> str:
    """A cell of a Markdown table."""
    return text.replace("|", "\\|")


def _script_data(view: View, pictures: Pictures) -> dict[str, Any]:
    titles = {model.name: model.title for model in view.results.models}
    return {
        "titles": {"truth": "Ground truth", **titles},
        "first": view.first.name if view.first else "input",
        "images": [_image_data(view, image) for image in pictures.images],
        "waves": [
            {
                "name": wave["name"],
                "parts": [
                    {"key": wave["parts"][name], "title": title, "text": meaning}
                    for name, (title, meaning) in PICTURES.items()
                    if name in wave["parts"]
                ],
            }
            for wave in pictures.waves
        ],
        "differenceScale": DIFFERENCE_SCALE,
        "uris": pictures.uris,
    }


def _image_data(view: View, image: Mapping[str, Any]) -> dict[str, Any]:
    """An image of the viewer: its keys, its scores by the name of the picture, and its gain."""
    results = view.results
    rows = {
        model.name: row
        for model in results.models
        for row in results.cell(model.name, image["column"])
        if row.image == image["image"]
    }
    main = rows.get(view.first.name) if view.first else None
    clean = results.column(image["column"]).clean
    gain = _gain(main) if main is not None else 0.0
    badge = "" if main is None else f"{plain(main.psnr, 1)} dB" if clean else signed(gain, 1)
    return {
        **image,
        "scores": {name: _score(row) for name, row in rows.items()},
        "badge": badge,
        "side": "even" if clean or abs(gain) < 0.05 else "loss" if gain < 0 else "win",
    }


def _gain(row: Row) -> float:
    before, after = capped([row.input_psnr, row.psnr])
    return float(after - before)


def _score(row: Row) -> str:
    gain = f" ({signed(_gain(row))})" if row.psnr != row.input_psnr else ""
    return f"{plain(row.psnr)} dB{gain}, SSIM {plain(row.ssim, 3)}"
