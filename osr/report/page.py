"""The report as one HTML file that needs nothing but itself, and as Markdown, from templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from osr.evaluation.metrics import SSIM_VARIANT
from osr.evaluation.models import Model
from osr.evaluation.records import Row
from osr.evaluation.statistics import CEILING, NOTICEABLE, RESAMPLES, capped
from osr.inspection import captions
from osr.report.pictures import DIFFERENCE_SCALE, QUALITY, Pictures
from osr.report.view import FILTERS, HEADINGS, STATES, View, plain, signed, spaced


def render_html(view: View, pictures: Pictures, panels: Mapping[str, str]) -> str:
    """The page; ``panels`` is inline SVG by the name of the column."""
    text = json.dumps(_script_data(view, pictures), ensure_ascii=False, allow_nan=False)
    # Inside <script> no "<" may end the element or open a comment.
    data = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    more = {"pictures": pictures, "panels": panels, "quality": QUALITY, "data": data}
    return _render("report.html", view, **more)


def render_markdown(view: View) -> str:
    """The tables that a README or a paper quotes."""
    return _render("report.md", view)


def _render(template: str, view: View, **names: Any) -> str:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("osr.report"), PackageLoader("osr", "web")]),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS | {"trained_on": _trained_on, "cell": _cell}
    names |= {
        "view": view,
        "about": view.results.description,
        "images": sum(column.images for column in view.columns),
        "states": STATES,
        "headings": HEADINGS,
        "ceiling": CEILING,
        "noticeable": NOTICEABLE,
        "resamples": RESAMPLES,
        "ssim": SSIM_VARIANT,
    }
    definitions = environment.get_template("definitions.txt").render(names).splitlines()
    return environment.get_template(template).render(names, definitions=definitions).strip() + "\n"


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
                    for name, (title, meaning) in captions(wave["parts"]).items()
                ],
            }
            for wave in pictures.waves
        ],
        "differenceScale": DIFFERENCE_SCALE,
        "uris": pictures.uris,
    }


def _image_data(view: View, image: Mapping[str, Any]) -> dict[str, Any]:
    """An image of the viewer: its keys, its scores by the name of the picture, and its gain."""
    column = view.results.column(image["column"])
    rows = {
        row.model: row
        for row in view.results.rows
        if (row.column, row.image) == (column.name, image["image"])
    }
    main = rows.get(view.first.name) if view.first else None
    gain = _gain(main) if main and not column.clean else 0.0
    badge = f"{plain(main.psnr, 1)} dB" if main and column.clean else signed(gain, 1)
    return {
        **image,
        "scores": {name: _score(row) for name, row in rows.items()},
        "badge": badge if main else "",
        "side": "even" if abs(gain) < 0.05 else "loss" if gain < 0 else "win",
    }


def _gain(row: Row) -> float:
    before, after = capped([row.input_psnr, row.psnr])
    return float(after - before)


def _score(row: Row) -> str:
    gain = f" ({signed(_gain(row))})" if row.psnr != row.input_psnr else ""
    return f"{plain(row.psnr)} dB{gain}, SSIM {plain(row.ssim, 3)}"
