"""Bounds on weight files and on what their specs ask for, checked before anything is allocated.

The largest published model has 2.2 million parameters, 0.14 million MACs and 32 values per pixel;
the authors' baseline 0.7 million, 0.74 million and 128.
"""

from __future__ import annotations

import math
import os

from osr_core.errors import CheckpointError, OptionError, SpecError

FACTOR = "OSR_MODEL_LIMIT"
"""Environment variable: a factor on all bounds; ``--model-limit`` of the command line sets it."""

LIMITS = {
    "parameters": 300_000_000,
    "multiply-accumulates per pixel": 50_000_000,
    "values per pixel in one layer": 512,
}
"""1.2 GB of weights; 68 times the authors' baseline; 2.7 GB at the default size of a tile."""

FILE_BYTES = 16 * LIMITS["parameters"]
"""Of a weight file: weights, their moving averages and two moments of an optimizer in float32."""


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
                + _remedy(size / limit)
            )


def check_bytes(size: int) -> None:
    """Check the size of a weight file, which is read whole, against :data:`FILE_BYTES`.

    Raises:
        CheckpointError: if it exceeds that.
        OptionError: if the environment variable is not a positive number.
    """
    if size > FILE_BYTES * _factor():
        raise CheckpointError(
            f"{size:,} bytes are more than the limit of {FILE_BYTES * _factor():,.0f}; "
            + _remedy(size / FILE_BYTES)
        )


def _remedy(factor: float) -> str:
    number = math.ceil(factor)
    return f"for a model that you trust set --model-limit {number} (or {FACTOR}={number})"


def _factor() -> float:
    text = os.environ.get(FACTOR, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise OptionError(f"{FACTOR}: expected a positive number, got {text!r:.40}")
    return factor
