"""Degradations one after another, written ``noise:25+jpeg:90``.

A step is ``NAME:LEVEL``, a name of :data:`~osr.degradations.DEGRADATIONS` and the value of its main
parameter; others follow after commas, as in ``rain:0.8,length=40``, else they have their defaults.
Without a level, as in ``noise+jpeg``, a step draws what is not given from the training ranges.
``none`` is the chain without steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from osr.degradations.degradation import Degradation
from osr.degradations.depth import Depth
from osr.degradations.draws import Generator, Ranges
from osr.degradations.registry import DEGRADATIONS
from osr_core.checks import Image, check_image
from osr_core.errors import OptionError
from osr_core.settings import suggest


@dataclass(frozen=True)
class Step:
    """One degradation of a chain."""

    name: str
    """A key of :data:`~osr.degradations.DEGRADATIONS`."""
    level: float | None = None
    """Value of its main parameter; ``None``: all that ``options`` do not give is drawn."""
    options: tuple[tuple[str, float], ...] = ()
    """Other parameters, sorted by name."""

    @property
    def row(self) -> Degradation:
        """Its row of the table."""
        return DEGRADATIONS[self.name]

    @classmethod
    def parse(cls, text: str) -> Step:
        """Read ``NAME[:LEVEL][,NAME=VALUE...]``; :class:`OptionError` names what is wrong."""
        head, *others = text.split(",")
        name, colon, level = head.partition(":")
        if name == "none":
            raise OptionError("none stands alone, without a level")
        if name not in DEGRADATIONS:
            raise OptionError(suggest(name, [*DEGRADATIONS, "none"]))
        row = DEGRADATIONS[name]
        if colon and not row.level:
            raise OptionError(f"{name} takes no level")
        known = [key for key, param in row.params.items()
                 if not colon or (key != row.level and not param.training_only)]  # fmt: skip
        options: dict[str, float] = {}
        for other in others:
            key, _, value = other.strip().partition("=")
            if key not in known:
                hint = suggest(key, known) if known else f"{name} takes no options"
                raise OptionError(f"{key}: unknown; {hint}")
            if key in options:
                raise OptionError(f"{key} is given twice")
            options[key] = row.params[key].parse(key, value)
        given = row.params[row.level].parse(row.level, level) if colon else None
        return cls(name, given, tuple(sorted(options.items())))

    def __call__(
        self, image: Image, rng: Generator, depth: Depth | None = None, ranges: Ranges | None = None
    ) -> Image:
        """See :meth:`Chain.__call__`; ``ranges`` are those of this degradation."""
        if self.level is None:
            return self.row.sample(image, rng, depth, ranges or {}, dict(self.options))
        return self.row(image, rng, depth, **{self.row.level: self.level}, **dict(self.options))

    def __str__(self) -> str:
        level = "" if self.level is None else f":{_text(self.level)}"
        return self.name + level + "".join(f",{key}={_text(value)}" for key, value in self.options)


@dataclass(frozen=True)
class Chain:
    """Degradations in their order; ``str()`` gives back what :meth:`parse` takes."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Chain:
        """Read steps joined by ``+``, or ``none``.

        An :class:`OptionError` names what is unknown, not a number, or out of range.

        >>> str(Chain.parse("grey + rain:0.80,length=40.0"))
        'grey+rain:0.8,length=40'
        """
        if text == "none":
            return cls()
        try:
            return cls(tuple(Step.parse(part.strip()) for part in text.split("+")))
        except OptionError as error:
            raise OptionError(f"degradation {text}: {error}") from None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it consists of, each once: names, and ``blur`` for any blur."""
        return tuple(dict.fromkeys(step.row.kind or step.name for step in self.steps))

    @property
    def kind(self) -> str:
        """Its kinds in one word, such as ``noise+jpeg``; ``none`` if it leaves images clean."""
        return "none" if self.kinds in ((), ("grey",)) else "+".join(self.kinds)

    @property
    def grid(self) -> int:
        """Period in pixels after which all grids of its steps repeat."""
        return math.lcm(*(step.row.grid for step in self.steps))

    def __call__(
        self,
        image: Image,
        rng: Generator,
        depth: Depth | None = None,
        ranges: Mapping[str, Ranges] | None = None,
    ) -> tuple[Image, Image]:
        """A degraded copy, and the target of its restoration: the image, grey if ``grey`` leads.

        After a leading ``grey`` the image has one channel, so that noise is the same in all three.
        ``image``, ``rng``, ``depth`` and errors are those of a :class:`Degradation`. ``ranges``,
        name → parameter → (low, high), replace those of the table for what is drawn; see
        :func:`~osr.degradations.check_ranges`.
        """
        degraded, target = check_image(image).copy(), image
        is_grey = bool(self.steps) and self.steps[0].name == "grey"
        for index, step in enumerate(self.steps):
            degraded = step(degraded, rng, depth, (ranges or {}).get(step.name))
            if is_grey:
                degraded = np.repeat(degraded[..., :1], 3, axis=2)
                target = target if index else degraded
        return degraded, target

    def __str__(self) -> str:
        return "+".join(map(str, self.steps)) or "none"


def _text(value: float) -> str:
    return repr(value).removesuffix(".0")
