"""How training draws a parameter from its range: functions of a generator and (low, high)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

Generator = np.random.Generator
Range = tuple[float, float]
Draw = Callable[[Generator, Range], float]

Ranges = Mapping[str, Range]  # parameter → (low, high)
Values = dict[str, float]  # parameter → value


def uniform(rng: Generator, bounds: Range) -> float:
    """Evenly within the range."""
    return float(rng.uniform(*bounds))


def log_uniform(rng: Generator, bounds: Range) -> float:
    """The logarithm is uniform."""
    low, high = bounds
    return float(np.clip(np.exp(rng.uniform(np.log(low), np.log(high))), low, high))


def sqrt_uniform(rng: Generator, bounds: Range) -> float:
    """The square root is uniform."""
    low, high = bounds
    return min(rng.uniform(math.sqrt(low), math.sqrt(high)) ** 2, high)


def squared_uniform(rng: Generator, bounds: Range) -> float:
    """The square of a uniform draw: low values are frequent."""
    low, high = bounds
    return float(low + (high - low) * rng.uniform() ** 2)


def clipped_normal(rng: Generator, bounds: Range) -> float:
    """Normal around the middle; the ends lie 2.5 standard deviations away and cut it off."""
    low, high = bounds
    return float(np.clip((low + high) / 2 + 0.2 * (high - low) * rng.standard_normal(), low, high))


def integer(rng: Generator, bounds: Range) -> float:
    """An integer."""
    first, last = math.ceil(bounds[0]), math.floor(bounds[1])
    return float(rng.integers(first, max(first, last) + 1))


def integer_or_uniform(rng: Generator, bounds: Range) -> float:
    """An integer from 2 up in half of the cases, if there is one; uniform in the others."""
    first, last = max(2, math.ceil(bounds[0])), math.floor(bounds[1])
    if rng.uniform() < 0.5 and first <= last:
        return float(rng.integers(first, last + 1))
    return float(rng.uniform(*bounds))


def zero_or_uniform(rng: Generator, bounds: Range) -> float:
    """Zero, or the nearest value to it, in half of the cases; uniform in the others."""
    return float(np.clip(0.0, *bounds) if rng.uniform() < 0.5 else rng.uniform(*bounds))


def zero_high_or_uniform(rng: Generator, bounds: Range) -> float:
    """Zero (or the nearest value to it), the upper end, or uniform: a third of the cases each."""
    case = rng.integers(3)
    return (float(np.clip(0.0, *bounds)), bounds[1], float(rng.uniform(*bounds)))[case]


def either(rng: Generator, bounds: Range) -> float:
    """One of the two ends, equally often; without a draw where they are equal."""
    low, high = bounds
    return high if low == high or rng.uniform() < 0.5 else low
