"""Numbers as text, the same in all forms of the report; also filters of its templates."""

from __future__ import annotations

import math

from osr.evaluation.statistics import CEILING, Interval

MINUS = "\u2212"


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign; a true minus, so that columns of figures line up.

    >>> signed(1.234), signed(-0.001), signed(float("nan"))
    ('+1.23', '0.00', '–')
    """
    text = plain(value, digits)
    if not value > 0 or (math.isfinite(value) and float(text) == 0):
        return text.removeprefix(MINUS) if text.strip(f"{MINUS}0.") == "" else text
    return f"+{text}"


def plain(value: float, digits: int = 2) -> str:
    """A figure without a plus sign.

    >>> plain(31.468), plain(float("inf")), plain(float("nan"))
    ('31.47', '∞', '–')
    """
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", MINUS).replace("inf", "∞")


def decibels(psnr: float) -> str:
    """A PSNR; above the ceiling images count as equal."""
    return f"≥{CEILING:g}" if psnr >= CEILING else plain(psnr)


def percent(share: float) -> str:
    r"""A share of 0 to 1 in whole per cent, or – where there is none.

    >>> percent(0.254), percent(0.002), percent(float("nan"))
    ('25\xa0%', '<1\xa0%', '–')
    """
    if math.isnan(share):
        return "–"
    near = "<1" if 0 < share < 0.005 else ">99" if 0.995 < share < 1 else f"{100 * share:.0f}"
    return f"{near}\u00a0%"


def ends(interval: Interval) -> str:
    """Both ends of a confidence interval of a difference."""
    return f"{signed(interval.low)} to {signed(interval.high)}"


def counted(number: int, what: str) -> str:
    """A number of things, for instance ``1,200 images``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def spaced(name: str) -> str:
    """The name of a kind of degradation in words."""
    return {"none": "clean", "jpeg": "JPEG"}.get(name) or name.replace("_", " ")


FILTERS = {f.__name__: f for f in (signed, plain, decibels, percent, ends, counted, spaced)}
