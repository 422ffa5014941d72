"""Bounds on what a spec may ask for, checked before anything is allocated.

The largest published model has 2.2 million parameters, 0.14 million MACs and 32 values per pixel;
the authors' baseline 0.7 million, 0.74 million and 128.
"""

from __future__ import annotations

import math
import os

from osr_core.errors import OptionError, SpecError

FACTOR = "OSR_MODEL_LIMIT"
"""Environment variable: a factor on all of :data:`LIMITS`."""

LIMITS = {
    "parameters": 300_000_000,
    "multiply-accumulates per pixel": 50_000_000,
    "values per pixel in one layer": 512,
}
"""1.2 GB of weights; 68 times the authors' baseline; 2.7 GB at the default size of a tile."""


def check_size(parameters: float, macs_per_pixel: float, values_per_pixel: float) -> None:
    """Check a network's size against :data:`LIMITS`.

    Raises:
        SpecError: if it exceeds one of them.
        OptionError: if the environment variable is not a positive number.
    """
    sizes = (parameters, macs_per_pixel, values_per_pixel)
    factor = _factor()
    for (name, limit), size in zip(LIMITS.items(), sizes, strict=True):
        if size > limit * factor:
            raise SpecError(
                f"spec: asks for {size:,.0f} {name}, more than the limit of {limit * factor:,.0f}; "
                f"for a model that you trust set {FACTOR}={math.ceil(size / limit)}"
            )


def _factor() -> float:
    text = os.environ.get(FACTOR, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise OptionError(f"{FACTOR}: expected a positive number, got {text!r:.40}")
    return factor
