"""The sections of the report with pictures, and what their scripts need to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osr.evaluation.records import Row
from osr.evaluation.statistics import Results, capped
from osr.inspection import MEANING
from osr.report.markup import counted, escape, plain, signed
from osr.report.pictures import STEPS, Pictures
from osr.report.summary import Summary

TITLES: Mapping[str, str] = {
    "image": "Image",
    "amplitude": "Amplitude",
    "phase": "Phase",
    "real": "Real part",
    "imaginary": "Imaginary part",
    "gate": "Gates",
}
"""Pictures of a wave in the order of the method, and how they are called."""

_VIEWER = """<section id="pictures" aria-labelledby="pictures-title">
<h2 id="pictures-title">Before and after</h2>
<p>Drag the line, or move it with the arrow keys. <i>Difference</i> shows how far each side lies
from the truth.</p>
<div class="viewer" id="viewer">
<div class="frame"><div class="stage" id="stage">
<div class="layer" id="right-layer"><img id="right-picture" alt="" draggable="false">
<canvas role="img" hidden></canvas></div>
<div class="layer" id="left-layer"><img id="left-picture" alt="" draggable="false">
<canvas role="img" hidden></canvas></div>
<span class="tab left" id="left-name"></span><span class="tab right" id="right-name"></span>
<input type="range" id="divider" min="0" max="100" step="1" value="50"
aria-label="Divider between the left and the right picture">
<span class="line" aria-hidden="true"></span></div>
<div class="under"><span><b>Left</b> <span id="left-score"></span></span>
<span><b>Right</b> <span id="right-score"></span></span></div></div>
<div class="panel">
<label for="column">Degradation</label><select id="column"></select>
<div class="label" id="image-label">Image, by gain</div>
<div class="segments" role="group" aria-labelledby="image-label" id="image"></div>
<small id="what" aria-live="polite"></small>
<label for="left">Left</label><select id="left"></select>
<label for="right">Right</label><select id="right"></select>
<div class="label" id="view-label">View</div>
<div class="segments" role="group" aria-labelledby="view-label" id="view"><button type="button"
value="picture" aria-pressed="true">Picture</button><button type="button" value="difference"
aria-pressed="false">Difference</button></div>
<div class="segments" role="group" aria-label="Magnification of differences" id="magnify" hidden>
<button type="button" value="1" aria-pressed="false">×1</button><button type="button" value="2"
aria-pressed="false">×2</button><button type="button" value="4" aria-pressed="true">×4</button>
<button type="button" value="8" aria-pressed="false">×8</button><button type="button" value="16"
aria-pressed="false">×16</button></div>
<div class="legend" id="map-scale" hidden><span>0</span><i class="scale"></i>
<span id="map-most"></span></div>
</div></div>
<h3 class="gap">Worst, median and best by gain of $first</h3>
<p>The left half of each picture is the input, the right half the result. Choose one to look at it
above.</p>
<div class="gallery" id="gallery"></div>
<small>$note</small>
</section>"""

_WAVES = """<section id="waves" aria-labelledby="waves-title">
<h2 id="waves-title">What the method sees</h2>
<p>The input transform gives every pixel a wave: an amplitude for what is there, a phase for what
was done to it. The network works on the real and the imaginary part; gates decide where its answer
replaces the image.</p>
<div class="segments" role="group" aria-label="Image whose wave is shown" id="wave-names"></div>
<div class="wave" id="wave-parts" aria-live="polite"></div>
</section>"""


def viewer(pictures: Pictures, chosen: int, first: str) -> str:
    """The section with the slider and the gallery; empty where no picture is shown.

    Args:
        pictures: what is shown.
        chosen: number of images that the evaluation kept.
        first: title of the model by whose gain they were chosen.
    """
    if not pictures.images:
        return ""
    html = _VIEWER.replace("$first", escape(first))
    return html.replace("$note", escape(_note(pictures, chosen)))


def waves(pictures: Pictures) -> str:
    """The section with amplitudes, phases, parts and gates; empty where no wave was kept."""
    return _WAVES if pictures.waves else ""


def _note(pictures: Pictures, chosen: int) -> str:
    """How the pictures were stored and what was left out for the sake of size."""
    step = pictures.step
    notes = [f"Centres of at most {step.side}×{step.side} pixels, never resized."]
    if step.quality < 100:
        notes.append(f"Pictures are stored as WebP of quality {step.quality}; figures and "
                     "differences come from the uncompressed ones.")  # fmt: skip
    if step.block > 1:
        notes.append(f"Differences are means over {step.block}×{step.block} pixels.")
    if step is not STEPS[0]:
        missing = chosen - len(pictures.images)
        left_out = [counted(missing, "image")] if missing else []
        left_out += [] if step.baselines else ["results of baselines"]
        if left_out:
            notes.append(f"Left out to keep this file small: {' and '.join(left_out)}; "
                         "all are in the folder pictures/.")  # fmt: skip
    return " ".join(notes)


def image_data(results: Results, summary: Summary, image: dict[str, Any]) -> dict[str, Any]:
    """What the viewer needs to know of an image: scores by name, and its gain in words."""
    rows = {
        model.name: row
        for model in summary.models
        for row in results.cell(model, image["column"])
        if row.image == image["image"]
    }
    scores = {name: _score(row) for name, row in rows.items()}
    first = summary.first
    main = rows.get(first.name) if first else None
    anyone = main or next(iter(rows.values()), None)
    if anyone is not None:
        scores["input"] = f"{plain(anyone.input_psnr)} dB, SSIM {plain(anyone.input_ssim, 3)}"
    clean = results.column(image["column"]).clean
    gain = _gain(main) if main else 0.0
    return {
        **image,
        "scores": scores,
        "badge": "" if main is None else f"{plain(main.psnr, 1)} dB" if clean else signed(gain, 1),
        "side": "even" if clean or abs(gain) < 0.05 else "loss" if gain < 0 else "win",
        "words": f"{image['rank']} of {image['column']}",
    }


def _gain(row: Row) -> float:
    before, after = capped([row.input_psnr, row.psnr])
    return float(after - before)


def _score(row: Row) -> str:
    gain = f" ({signed(_gain(row))})" if row.psnr != row.input_psnr else ""
    return f"{plain(row.psnr)} dB{gain}, SSIM {plain(row.ssim, 3)}"


def wave_data(wave: dict[str, Any]) -> dict[str, Any]:
    """What the script needs to know of a wave: its parts in the order of the method."""
    parts = wave["parts"]
    order = [*(n for n in TITLES if n in parts), *sorted(n for n in parts if n not in TITLES)]
    return {
        "name": wave["name"],
        "parts": [
            {
                "key": parts[name],
                "title": TITLES.get(name, name.replace("-", " ").capitalize()),
                "text": MEANING.get(name, ""),
            }
            for name in order
        ],
    }
