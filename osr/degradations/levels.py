"""Degradation of a given severity, written ``KIND:LEVEL``: for tests, tables and demonstrations.

========================  ==========================================================
``noise:25``              white Gaussian noise of standard deviation 25 in 8-bit levels, not clipped
``poisson_gaussian:0.01`` sensor noise; white is 1 / 0.01 = 100 photons
``rain:0.8``              streaks of density 0.8
``snow:0.1``              flakes of density 0.1
``raindrops:0.1``         drops that cover 0.1 of the picture
``haze:1.2``              haze with β = 1.2
``low_light:3``           3 stops under-exposed
``blur:2``                Gaussian blur of σ = 2 pixels
``motion:15``             straight motion of 15 pixels, in a random direction unless told
``defocus:3``             disc of radius 3 pixels
``low_resolution:4``      shrunk and enlarged 4 times
``jpeg:20``               quality 20
``none``                  nothing
========================  ==========================================================

Other parameters follow after commas, as in ``rain:0.8,length=40,angle=-20``: those that
:data:`NAMES` lists, which are those of the functions in :mod:`osr.degradations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature

import numpy as np

from osr import degradations as of
from osr.degradations.weather import Depth, scene_depth
from osr_core.checks import Image, check_image
from osr_core.errors import OptionError
from osr_core.settings import suggest

Generator = np.random.Generator


@dataclass(frozen=True)
class Degradation:
    """Degradation of a given severity; ``str()`` gives back what :meth:`parse` takes."""

    name: str
    """A key of :data:`NAMES`."""
    level: float = 0.0
    """How much of it; 0 for ``none``."""
    options: tuple[tuple[str, float], ...] = ()
    """Other parameters, sorted by name."""

    @classmethod
    def parse(cls, text: str) -> Degradation:
        """Read ``KIND:LEVEL[,name=value...]``.

        Raises:
            OptionError: naming what is unknown, missing, no number, or out of range.

        >>> Degradation.parse("rain:0.8,length=40.0")
        Degradation(name='rain', level=0.8, options=(('length', 40.0),))
        >>> str(Degradation.parse("motion:15")), Degradation.parse("motion:15").kind
        ('motion:15', 'blur')
        """
        name, colon, rest = text.partition(":")
        if name not in NAMES:
            raise OptionError(f"degradation {text}: {suggest(name, NAMES)}")
        if text == "none":
            return cls(name)
        if name == "none" or not colon:
            mend = "takes no level" if colon else f"needs a level, as in {name}:LEVEL"
            raise OptionError(f"degradation {text}: {mend}")
        first, *others = rest.split(",")
        known, options = NAMES[name].options, dict[str, float]()
        for other in others:
            key, _, value = other.partition("=")
            if key not in known:
                mend = suggest(key, known) if known else "it takes none"
                raise OptionError(f"degradation {text}: {key}: unknown; {mend}")
            if key in options:
                raise OptionError(f"degradation {text}: {key} comes twice")
            options[key] = _number(text, value)
        result = cls(name, _number(text, first), tuple(sorted(options.items())))
        try:  # the functions know their own limits
            result.apply(np.full((2, 2, 3), 0.5, np.float32), np.random.default_rng(0))
        except OptionError as error:
            raise OptionError(f"degradation {text}: {error}") from None
        return result

    @property
    def kind(self) -> str:
        """A key of :data:`osr.degradations.KINDS`, or ``none``."""
        return "blur" if self.name in ("motion", "defocus") else self.name

    def apply(self, image: Image, rng: Generator, depth: Depth | None = None) -> Image:
        """A degraded copy.

        Args:
            image: (H, W, 3) float32 in [0, 1].
            rng: source of what is random.
            depth: (H, W), larger is farther, of mean 1; else haze makes one up.

        Raises:
            ImageError: if ``image`` is not such an array or ``depth`` has another size.
        """
        check_image(image)
        return NAMES[self.name](image, self.level, rng, depth, dict(self.options))

    def __str__(self) -> str:
        if self.name == "none":
            return self.name
        pairs = (f",{key}={_text(value)}" for key, value in self.options)
        return f"{self.name}:{_text(self.level)}{''.join(pairs)}"


def _number(text: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"degradation {text}: expected a number, not {value!r}")
    return number


def _text(value: float) -> str:
    return repr(value).removesuffix(".0")


def _haze(image: Image, rng: Generator, depth: Depth | None, beta: float, airlight: float) -> Image:
    return of.haze(image, scene_depth(image.shape, rng, depth), beta, airlight)


def _motion(image: Image, rng: Generator, length: float, angle: float | None) -> Image:
    return of.motion_blur(image, length, rng.uniform(0.0, 180.0) if angle is None else angle)


def _none(image: Image, level: float) -> Image:
    return image.copy()


@dataclass(frozen=True)
class _Way:
    """How a named degradation is done."""

    function: Callable[..., Image]
    """Takes the picture, and by name ``rng`` and ``depth`` if it needs them."""
    level: str
    """Its parameter that the level sets."""
    options: Mapping[str, float | None] = field(default_factory=dict)
    """Its other parameters and what they are where nothing is said."""

    def __call__(
        self,
        image: Image,
        level: float,
        rng: Generator,
        depth: Depth | None,
        options: Mapping[str, float],
    ) -> Image:
        known = {self.level: level, "rng": rng, "depth": depth, **self.options, **options}
        wanted = signature(self.function).parameters
        return self.function(image, **{key: known[key] for key in known if key in wanted})


NAMES: Mapping[str, _Way] = {
    "noise": _Way(of.gaussian_noise, "sigma", {"clip": 0.0}),
    "poisson_gaussian": _Way(
        of.poisson_gaussian, "gain", {"sigma": 0.0, "linear": 0.0, "clip": 1.0}
    ),
    "rain": _Way(
        of.rain,
        "density",
        {"length": 25.0, "angle": 10.0, "width": 1.5, "intensity": 0.5, "spread": 2.0}
        | {"veil": 0.0, "screen": 0.0},
    ),
    "snow": _Way(
        of.snow,
        "density",
        {"size": 4.0, "length": 8.0, "angle": 10.0, "spread": 12.0, "opacity": 0.9}
        | {"brightness": 0.95, "veil": 0.1},
    ),
    "raindrops": _Way(
        of.raindrops,
        "coverage",
        {"radius": 15.0, "blur": 1.5, "view": 3.0, "rim": 0.3, "opacity": 1.0},
    ),
    "haze": _Way(_haze, "beta", {"airlight": 0.9}),
    "low_light": _Way(
        of.low_light,
        "stops",
        {"gamma": 1.0, "gain": 0.0, "sigma": 0.0, "red": 1.0, "blue": 1.0},
    ),
    "blur": _Way(of.gaussian_blur, "sigma"),
    "motion": _Way(_motion, "length", {"angle": None}),
    "defocus": _Way(of.defocus_blur, "radius"),
    "low_resolution": _Way(of.low_resolution, "scale"),
    "jpeg": _Way(of.jpeg, "quality"),
    "none": _Way(_none, "level"),
}
"""Every name and how that degradation is done."""
