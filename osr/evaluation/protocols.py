"""How a column of the matrix is measured: the customary protocol, and the one asked for.

Published figures are only comparable within one protocol. Super-resolution is measured on Y with as
many pixels cut off at each border as the scale; deraining on Y; nearly everything else on RGB. What
a data set is measured by stands in its entry of :mod:`osr.datasets`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from osr.evaluation.metrics import Convention
from osr_core.errors import OptionError

if TYPE_CHECKING:
    from osr.datasets import DataSet
    from osr.degradations import Chain

SSIM_VARIANT = "SSIM of Wang et al. (2004): Gaussian window 11×11, σ 1.5, mean over channels"
"""Which of the SSIMs is meant; named in every report."""


def parse_protocol(text: str, start: Convention | None = None) -> Convention:
    """The convention of a text such as ``y,crop=2``; what it does not name is as in ``start``.

    Words, separated by commas: ``rgb``, ``y``, ``crop=PIXELS``, ``8-bit`` (both pictures rounded
    first), ``float``.

    Raises:
        OptionError: if a word is none of these.

    >>> print(parse_protocol("y,crop=2"))
    Y, crop 2, 8-bit
    """
    convention = start or Convention()
    for word in (part.strip().lower() for part in text.split(",")):
        name, _, value = word.partition("=")
        if word in ("rgb", "y"):
            convention = replace(convention, channel=word)  # type: ignore[arg-type]
        elif word in ("8-bit", "float"):
            convention = replace(convention, quantised=word == "8-bit")
        elif name == "crop" and value.isdecimal():
            convention = replace(convention, crop=int(value))
        else:
            raise OptionError(
                f"protocol {text!r}: {word!r} is none of rgb, y, crop=PIXELS, 8-bit, float"
            )
    return convention


def customary(data_set: DataSet, degradation: Chain | None) -> Convention:
    """The convention in which a column is usually published.

    Args:
        data_set: entry of the catalogue.
        degradation: what is done to its clear images; ``None`` for sets that come with degraded ones,
            whose own protocol is taken.
    """
    if degradation is None:
        return data_set.convention
    for step in degradation.steps:
        if step.name == "low_resolution":
            scale = step.row.params["scale"].train[1] if step.level is None else step.level
            return Convention("y", crop=math.ceil(scale))
    return Convention()


def describe(convention: Convention, degradation: Chain | None) -> str:
    """The protocol in words, for instance ``RGB, crop 0, 8-bit, noise not clipped``."""
    if not (degradation and degradation.steps and "clip" in degradation.steps[-1].row.params):
        return str(convention)
    last = degradation.steps[-1]
    clipped = dict(last.options).get("clip", last.row.params["clip"].default)
    return f"{convention}, noise {'' if clipped else 'not '}clipped"
