"""The kinds of degradation that a training draws from: how severity is drawn, and within what ranges.

Severity runs continuously down to almost none: a network that has seen light degradation learns to
leave alone what needs no mending. Whoever knows his data better replaces a range: in a recipe as
``[degradations.noise]`` with ``sigma = [0, 30]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from osr.degradations import draws
from osr.degradations.draws import Generator, Ranges
from osr.degradations.weather import Depth
from osr_core.checks import Image
from osr_core.errors import OptionError
from osr_core.settings import suggest


@dataclass(frozen=True)
class Parameter:
    """A number that is drawn anew for each picture."""

    low: float
    high: float
    least: float
    """Lowest value that makes sense."""
    most: float
    """Highest value that makes sense."""


@dataclass(frozen=True)
class Kind:
    """A kind of degradation whose parameters are drawn at random; called, it degrades a picture."""

    draw: Callable[[Image, Generator, Ranges, Depth | None], Image]
    parameters: Mapping[str, Parameter]

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The default range of each parameter."""
        return {name: (each.low, each.high) for name, each in self.parameters.items()}

    def __call__(
        self,
        image: Image,
        rng: Generator,
        ranges: Ranges | None = None,
        depth: Depth | None = None,
    ) -> Image:
        """See :func:`osr.degradations.levels`; ``ranges`` were checked before."""
        return self.draw(image, rng, {**self.ranges, **(ranges or {})}, depth)


KINDS: Mapping[str, Kind] = {
    "haze": Kind(
        draws.draw_haze,
        {
            "beta": Parameter(0.0, 2.5, 0.0, 100.0),
            "airlight": Parameter(0.7, 1.0, 0.0, 1.0),
            "tint": Parameter(-0.03, 0.03, -1.0, 1.0),
            "level": Parameter(0.15, 0.95, 0.0, 1.0),
            "slope": Parameter(0.0, 0.6, 0.0, 2.0),
        },
    ),
    "rain": Kind(
        draws.draw_rain,
        {
            "density": Parameter(0.02, 2.5, 1e-4, 4.0),
            "length": Parameter(8.0, 45.0, 1.0, 500.0),
            "angle": Parameter(-45.0, 45.0, -75.0, 75.0),
            "width": Parameter(0.7, 2.5, 0.3, 8.0),
            "intensity": Parameter(0.05, 0.8, 0.0, 1.0),
            "spread": Parameter(0.0, 4.0, 0.0, 20.0),
            "veil": Parameter(0.0, 0.15, 0.0, 1.0),
            "screen": Parameter(0.0, 1.0, 0.0, 1.0),
        },
    ),
    "snow": Kind(
        draws.draw_snow,
        {
            "density": Parameter(0.01, 0.6, 1e-4, 2.0),
            "size": Parameter(1.0, 8.0, 0.5, 60.0),
            "length": Parameter(0.0, 20.0, 0.0, 200.0),
            "angle": Parameter(-45.0, 45.0, -75.0, 75.0),
            "spread": Parameter(0.0, 20.0, 0.0, 60.0),
            "opacity": Parameter(0.2, 1.0, 0.0, 1.0),
            "brightness": Parameter(0.8, 1.0, 0.0, 1.0),
            "veil": Parameter(0.0, 0.3, 0.0, 1.0),
        },
    ),
    "raindrops": Kind(
        draws.draw_raindrops,
        {
            "coverage": Parameter(0.005, 0.4, 1e-4, 1.0),
            "radius": Parameter(3.0, 30.0, 1.0, 300.0),
            "blur": Parameter(0.5, 3.0, 0.0, 50.0),
            "view": Parameter(2.0, 5.0, 1.0, 20.0),
            "rim": Parameter(0.15, 1.0, 0.02, 1.0),
            "opacity": Parameter(0.5, 1.0, 0.0, 1.0),
        },
    ),
    "blur": Kind(
        draws.draw_blur,
        {
            "sigma": Parameter(0.1, 3.5, 0.0, 50.0),
            "radius": Parameter(0.5, 5.0, 0.0, 50.0),
            "length": Parameter(0.0, 25.0, 0.0, 100.0),
            "angle": Parameter(0.0, 180.0, -360.0, 360.0),
        },
    ),
    "low_resolution": Kind(draws.draw_low_resolution, {"scale": Parameter(1.0, 4.0, 1.0, 100.0)}),
    "low_light": Kind(
        draws.draw_low_light,
        {
            "stops": Parameter(0.0, 6.0, 0.0, 12.0),
            "gamma": Parameter(1.0, 1.8, 1.0, 5.0),
            "gain": Parameter(0.0, 2e-3, 0.0, 1.0),
            "sigma": Parameter(0.0, 0.3, 0.0, 255.0),
            "red": Parameter(0.85, 1.15, 0.0, 2.0),
            "blue": Parameter(0.75, 1.15, 0.0, 2.0),
        },
    ),
    "poisson_gaussian": Kind(
        draws.draw_poisson_gaussian,
        {
            "gain": Parameter(0.0, 0.0256, 0.0, 1.0),
            "sigma": Parameter(0.0, 15.0, 0.0, 255.0),
        },
    ),
    "noise": Kind(draws.draw_noise, {"sigma": Parameter(0.0, 55.0, 0.0, 255.0)}),
    "jpeg": Kind(draws.draw_jpeg, {"quality": Parameter(10.0, 98.0, 1.0, 100.0)}),
}
"""Each kind of degradation, in the order in which light, lens, sensor and file inflict them. Parameters
are those of the function of the same name; how each is drawn stands in :mod:`~.draws`."""


def check_ranges(
    degradations: Mapping[str, Mapping[str, Sequence[float]]],
) -> dict[str, dict[str, tuple[float, float]]]:
    """Ranges that are to replace defaults, kind → parameter → (low, high), as they were given.

    Raises:
        OptionError: naming a kind or parameter that there is not, or a range that is no pair of
            numbers in order and within what makes sense.

    >>> check_ranges({"noise": {"sigma": [0, 30]}})
    {'noise': {'sigma': (0.0, 30.0)}}
    >>> check_ranges({"noise": {"sigm": [0, 30]}})
    Traceback (most recent call last):
    osr_core.errors.OptionError: degradations.noise.sigm: unknown; did you mean sigma?
    """
    for kind in degradations:
        if kind not in KINDS:
            raise OptionError(f"degradations.{kind}: unknown; {suggest(kind, KINDS)}")
    return {
        kind: {name: _checked(kind, name, pair) for name, pair in ranges.items()}
        for kind, ranges in degradations.items()
    }


def _checked(kind: str, name: str, pair: Any) -> tuple[float, float]:
    parameters = KINDS[kind].parameters
    if name not in parameters:
        raise OptionError(f"degradations.{kind}.{name}: unknown; {suggest(name, parameters)}")
    least, most = parameters[name].least, parameters[name].most
    try:
        low, high = (float(value) for value in pair)
    except (TypeError, ValueError):
        low = high = math.nan
    if not least <= low <= high <= most:
        raise OptionError(
            f"degradations.{kind}.{name}: expected [low, high] in order and within "
            f"{least:g} to {most:g}, not {pair}"
        )
    return low, high
