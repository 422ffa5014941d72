"""The few lines of HTML, SVG and number formatting that all parts of the report share."""

from __future__ import annotations

import json
import math
from html import escape as escape
from typing import Any

MINUS = "\u2212"


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign; a true minus, so that columns of figures line up.

    >>> signed(1.234), signed(-0.001), signed(float("nan"))
    ('+1.23', '0.00', '–')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("+∞" if value > 0 else f"{MINUS}∞")
    text = f"{value:+.{digits}f}"
    if float(text) == 0:
        return text[1:]
    return text.replace("-", MINUS)


def plain(value: float, digits: int = 2) -> str:
    """A figure without a plus sign.

    >>> plain(31.468), plain(float("inf")), plain(float("nan"))
    ('31.47', '∞', '–')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    return f"{value:.{digits}f}".replace("-", MINUS)


def percent(share: float) -> str:
    r"""A share of 0 to 1 in whole per cent, or – where there is none.

    >>> percent(0.254), percent(0.002), percent(float("nan"))
    ('25\xa0%', '<1\xa0%', '–')
    """
    if math.isnan(share):
        return "–"
    if 0 < share < 0.005:
        return "<1\u00a0%"
    if 0.995 < share < 1:
        return ">99\u00a0%"
    return f"{share:.0%}".replace("%", "\u00a0%")


def interval(low: float, high: float, digits: int = 2) -> str:
    """Both ends of a confidence interval of a difference.

    >>> interval(-0.5, 0.25)
    '−0.50 to +0.25'
    """
    return f"{signed(low, digits)} to {signed(high, digits)}"


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "image"), counted(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def spaced(name: str) -> str:
    """The name of a kind of degradation in words.

    >>> spaced("low_resolution")
    'low resolution'
    """
    return name.replace("_", " ")


def tag(name: str, content: str = "", **attributes: object) -> str:
    """An element; ``content`` is HTML already, attribute values are escaped here.

    ``None`` leaves an attribute out, an underscore at the end of its name is dropped and others
    become hyphens.

    >>> tag("td", "1", class_="x", data_row=2)
    '<td class="x" data-row="2">1</td>'
    """
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{pairs}>{content}</{name}>"


def script_data(data: Any) -> str:
    r"""JSON that may stand inside ``<script>``: no ``<`` can end the element or open a comment.

    >>> script_data({"name": "</script>"})
    '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers that divide a range into at most ``most`` steps.

    >>> ticks(-1.2, 4.9)
    [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    """
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-9) / most))
    for factor in (1, 2, 5, 10):
        if (high - low) / (step * factor) <= most:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(step * k, 10) for k in range(first, last + 1)]
