"""What the table of degradations says of each: its function, parameters and how they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from osr.degradations.depth import Depth, scene_depth
from osr.degradations.draws import Draw, Generator, Range, Ranges, Values, uniform
from osr_core.checks import Image, check_image, check_range
from osr_core.errors import OptionError


@dataclass(frozen=True)
class Param:
    """A number that a degradation takes."""

    default: float | None
    """Value where none is given. ``None``: drawn, or it is the level."""
    train: Range
    """Range from which training draws it."""
    valid: Range
    """Least and greatest value allowed."""
    draw: Draw = uniform
    """How training draws it."""
    choices: tuple[float, ...] = ()
    """The only values allowed, where not all of the range are."""
    training_only: bool = False
    """Whether it shapes training draws only, and is no option beside a given level."""

    def check(self, name: str, value: float) -> float:
        """The value; :class:`OptionError` with the parameter's name if it is not allowed."""
        if self.choices and value not in self.choices:
            known = " or ".join(f"{choice:g}" for choice in self.choices)
            raise OptionError(f"{name} must be {known}, not {value:g}")
        return check_range(name, value, *self.valid)

    def parse(self, name: str, text: str) -> float:
        """The value that a text gives, checked."""
        try:
            value = float(text)
        except ValueError:
            raise OptionError(f"expected a number, not {text!r}") from None
        return self.check(name, value)


@dataclass(frozen=True)
class Degradation:
    """A row of :data:`DEGRADATIONS`; called, it degrades with given values.

    >>> import numpy as np
    >>> from osr.degradations import DEGRADATIONS
    >>> clean = np.full((8, 8, 3), 0.5, np.float32)
    >>> DEGRADATIONS["noise"](clean, np.random.default_rng(0), sigma=25).shape
    (8, 8, 3)
    """

    summary: str
    """One line; LEVEL stands for the value after the colon."""
    function: Callable[..., Image]
    """Takes the image, parameters by name, and ``rng`` and ``depth`` if it needs them."""
    level: str
    """Parameter that LEVEL sets; empty where there is none."""
    params: Mapping[str, Param]
    """In the order in which training draws them."""
    kind: str = ""
    """Kind under which it counts in an evaluation, where that is another row."""
    couple: Callable[[Values], Values] = dict
    """Makes drawn values depend on each other."""
    sampler: Callable[[Image, Generator, Depth | None, Ranges], Image] | None = None
    """Draws and degrades where a draw of each parameter is not enough."""
    grid: int = 1
    """Period in pixels of the grid that it leaves, counted from the corner of the image."""

    def __call__(
        self, image: Image, rng: Generator, depth: Depth | None = None, **values: float
    ) -> Image:
        """A degraded copy.

        Args:
            image: (H, W, 3) float32 in [0, 1].
            rng: source of what is random.
            depth: (H, W), larger is farther, of mean 1; without it haze makes one up.
            values: of the parameters; others have their default, or are drawn if there is none.

        Raises:
            ImageError: if ``image`` is not such an array or ``depth`` has another size.
            OptionError: if a value is out of range.
        """
        arguments: dict[str, Any] = dict(values)
        for name, param in self.params.items():
            if name in values:
                param.check(name, values[name])
            elif param.default is not None:
                arguments[name] = param.default
            elif not param.training_only:
                arguments[name] = param.draw(rng, param.train)
        accepted = signature(self.function).parameters
        if "rng" in accepted:
            arguments["rng"] = rng
        if "depth" in accepted:
            arguments["depth"] = scene_depth(check_image(image).shape, rng, depth)
        return self.function(image, **arguments)

    def sample(
        self, image: Image, rng: Generator, depth: Depth | None, ranges: Ranges, given: Values
    ) -> Image:
        """A copy degraded by ``given`` values, and drawn ones for the rest.

        ``ranges``, checked before, replace those of the table; the rest is as in :meth:`__call__`.
        """
        bounds = {name: ranges.get(name, param.train) for name, param in self.params.items()}
        bounds |= {name: (value, value) for name, value in given.items()}
        if self.sampler is not None:
            return self.sampler(image, rng, depth, bounds)
        drawn = {name: param.draw(rng, bounds[name]) for name, param in self.params.items()}
        return self(image, rng, depth, **{**self.couple(drawn), **given})
