"""How the figures came about: protocols, what each model was trained on, conventions."""

from __future__ import annotations

import json

from osr.evaluation.protocols import SSIM_VARIANT
from osr.evaluation.records import Description, ModelEntry
from osr.evaluation.statistics import CEILING, LEVEL, NOTICEABLE, RESAMPLES
from osr.report.markup import escape, spaced, tag

FOOTER = (
    "Out-of-Sample Restoration: R. Jiang and Y. Han, “Generalizing to Out-of-Sample Degradations "
    "via Model Reprogramming”, IEEE Transactions on Image Processing, 2024, "
    "DOI 10.1109/TIP.2024.3378181. This report was written by osr and needs no network."
)

CONVENTIONS = (
    "Gain: PSNR of the result minus PSNR of the untouched input, for each image; a column's gain "
    "is the mean over its images.",
    f"PSNR above {CEILING:g} dB counts as {CEILING:g} dB, equal pictures included.",
    "Seen: the model's own training, as its checkpoint tells it, held degradation of this kind; nothing "
    "is taken from the command line. Baselines are run on the degradation they are meant for.",
    "Gain on seen and on unseen degradation: mean of the columns' means, clean columns left out.",
    f"Harm: share of all images with unseen degradation that lost more than {NOTICEABLE:g} dB, and "
    "their mean loss.",
    f"Intervals: {LEVEL:.0%} percentile bootstrap over images, {RESAMPLES:,} resamples, seeded.",
)
"""What is meant by each figure, one sentence each."""


def conventions(description: Description) -> list[str]:
    """All of the above, and which SSIM was computed."""
    return [*CONVENTIONS, f"{description.ssim or SSIM_VARIANT}."]


def section(description: Description) -> str:
    """The section as HTML."""
    points = "".join(tag("li", escape(text)) for text in conventions(description))
    columns = "".join(
        tag("tr", "".join((
            tag("th", escape(column.name), scope="row"),
            tag("td", escape("clean" if column.clean else spaced(column.kind)), class_="text"),
            tag("td", str(column.images)),
            tag("td", escape(column.protocol), class_="text"),
        )))
        for column in description.columns
    )  # fmt: skip
    return f"""<ul class="points">{points}</ul>
<h3 class="gap">Columns</h3>
<div class="scroll" tabindex="0" role="region" aria-label="Columns, scrolls sideways">
<table class="plain"><thead><tr><th scope="col">Data and degradation</th><th scope="col" class="text">
Kind</th><th scope="col">Images</th><th scope="col" class="text">Protocol</th></tr></thead>
<tbody>{columns}</tbody></table></div>
<h3 class="gap">Models</h3>{"".join(map(_model, description.models))}"""


def _model(model: ModelEntry) -> str:
    facts = {
        "untouched": "the degraded image itself",
        "baseline": f"classical, meant for {trained_on(model)}",
    }.get(model.kind, f"trained on {trained_on(model)}")
    if model.parameters:
        facts += f"; {model.parameters:,} parameters"
    if model.sha256:
        facts += f"; sha256 {model.sha256[:16]}"
    more = ""
    if model.provenance:
        text = json.dumps(model.provenance, indent=1, ensure_ascii=False, default=str)
        shown = tag("pre", escape(text), tabindex=0)
        more = tag("details", f"<summary>Provenance</summary>{shown}")
    named = f"<b>{escape(model.title)}</b> <code>{escape(model.name)}</code>"
    return f"<p>{named}: {escape(facts)}.</p>{more}"


def trained_on(model: ModelEntry) -> str:
    """Kinds of degradation that a model knows, in words."""
    known = ", ".join(map(spaced, model.seen)) or "no known degradation"
    if model.unknown:
        known += f", and data of unknown degradation ({', '.join(model.unknown)})"
    return known
