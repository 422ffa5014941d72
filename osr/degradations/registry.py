"""The table of degradations: all that is known of each stands here, once.

From it training draws (``train``), ``--degradation`` is parsed, values are checked (``valid``), and
the documentation is made. What a parameter means is in the docstring of the row's function. A new
degradation is a function and a row.

Training ranges run continuously down to almost none: a network that has seen light degradation
learns to leave clean images alone. A recipe replaces a range: ``[degradations.noise]`` with
``sigma = [0, 30]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from osr.degradations import blur, draws
from osr.degradations.compression import jpeg, webp
from osr.degradations.degradation import Degradation, Param
from osr.degradations.draws import Values
from osr.degradations.drops import raindrops
from osr.degradations.noise import camera_noise, gaussian_noise, grey, low_light, poisson_gaussian
from osr.degradations.resize import low_resolution
from osr.degradations.snowflakes import snow
from osr.degradations.weather import haze, rain, sample_haze
from osr_core.errors import OptionError
from osr_core.settings import suggest


def _less_mist(factor: float) -> Callable[[Values], Values]:
    """Less mist where streaks or flakes are few."""
    return lambda of: {**of, "mist": of["mist"] * min(1.0, factor * of["density"])}


def _little_light(of: Values) -> Values:
    """Below one stop all else is weaker in proportion."""
    strength = min(1.0, of["stops"])
    ones = {name: 1.0 + (of[name] - 1.0) * strength for name in ("gamma", "red", "blue")}
    return {**of, **ones, "gain": of["gain"] * strength, "sigma": of["sigma"] * strength}


def _equal_unmixed(of: Values) -> Values:
    """Noise that is equal in all channels stays so."""
    return {**of, "mixing": 0.0} if of["correlation"] == 1 else of


DEGRADATIONS: Mapping[str, Degradation] = {
    "grey": Degradation("No colour; as a first step the ground truth is grey, too", grey, "", {}),
    "haze": Degradation(
        "Haze of scattering coefficient LEVEL", haze, "beta",
        {
            "beta": Param(None, (0.0, 2.5), (0.0, 100.0)),
            "airlight": Param(0.9, (0.7, 1.0), (0.0, 1.0)),
            "tint": Param(None, (-0.03, 0.03), (-1.0, 1.0), training_only=True),
            "distance": Param(None, (0.15, 0.95), (0.0, 1.0), training_only=True),
            "slope": Param(None, (0.0, 0.6), (0.0, 2.0), training_only=True),
            "relief": Param(None, (0.0, 0.0), (0.0, 2.0), training_only=True),
        },
        sampler=sample_haze,
    ),
    "rain": Degradation(
        "Rain whose streaks cover LEVEL of the image", rain, "density",
        {
            "density": Param(None, (0.02, 2.5), (1e-4, 4.0), draws.log_uniform),
            "length": Param(25.0, (8.0, 45.0), (1.0, 500.0)),
            "angle": Param(10.0, (-45.0, 45.0), (-75.0, 75.0), draws.clipped_normal),
            "width": Param(1.5, (0.7, 2.5), (0.3, 8.0)),
            "intensity": Param(0.5, (0.05, 0.8), (0.0, 1.0)),
            "spread": Param(2.0, (0.0, 4.0), (0.0, 20.0)),
            "mist": Param(0.0, (0.0, 0.15), (0.0, 1.0)),
            "screen": Param(0.0, (0.0, 1.0), (0.0, 1.0)),
        },
        couple=_less_mist(1.0),
    ),
    "snow": Degradation(
        "Snow whose flakes cover LEVEL of the image", snow, "density",
        {
            "density": Param(None, (0.01, 0.6), (1e-4, 2.0), draws.log_uniform),
            "size": Param(4.0, (1.0, 8.0), (0.5, 60.0)),
            "length": Param(8.0, (0.0, 20.0), (0.0, 200.0)),
            "angle": Param(10.0, (-45.0, 45.0), (-75.0, 75.0), draws.clipped_normal),
            "spread": Param(12.0, (0.0, 20.0), (0.0, 60.0)),
            "opacity": Param(0.9, (0.2, 1.0), (0.0, 1.0)),
            "brightness": Param(0.95, (0.8, 1.0), (0.0, 1.0)),
            "mist": Param(0.1, (0.0, 0.3), (0.0, 1.0)),
        },
        couple=_less_mist(3.0),
    ),
    "raindrops": Degradation(
        "Drops on the lens that cover LEVEL of the image", raindrops, "coverage",
        {
            "coverage": Param(None, (0.005, 0.4), (1e-4, 1.0), draws.log_uniform),
            "radius": Param(15.0, (3.0, 30.0), (1.0, 300.0), draws.log_uniform),
            "blur": Param(1.5, (0.5, 3.0), (0.0, 50.0)),
            "view": Param(3.0, (2.0, 5.0), (1.0, 20.0)),
            "rim": Param(0.3, (0.15, 1.0), (0.02, 1.0)),
            "opacity": Param(1.0, (0.5, 1.0), (0.0, 1.0)),
        },
    ),
    "blur": Degradation(
        "Gaussian blur of σ = LEVEL pixels; in training any blur", blur.gaussian_blur, "sigma",
        {
            "sigma": Param(None, (0.1, 3.5), (0.0, 50.0)),
            "radius": Param(None, (0.5, 5.0), (0.0, 50.0), training_only=True),
            "length": Param(None, (0.0, 25.0), (0.0, 100.0), training_only=True),
            "angle": Param(None, (0.0, 180.0), (-360.0, 360.0), training_only=True),
        },
        sampler=blur.sample_blur,
    ),
    "defocus": Degradation(
        "Lens out of focus: a disc of radius LEVEL pixels", blur.defocus_blur, "radius",
        {"radius": Param(None, (0.5, 5.0), (0.0, 50.0))},
        kind="blur",
    ),
    "motion": Degradation(
        "Straight motion of LEVEL pixels, in a random direction unless given", blur.motion_blur,
        "length",
        {
            "length": Param(None, (0.0, 25.0), (0.0, 100.0)),
            "angle": Param(None, (0.0, 180.0), (-360.0, 360.0)),
        },
        kind="blur",
    ),
    "shake": Degradation(
        "Motion of a hand-held camera over LEVEL pixels", blur.shake_blur, "length",
        {"length": Param(None, (0.0, 25.0), (0.0, 100.0))},
        kind="blur",
    ),
    "low_resolution": Degradation(
        "Shrunk and enlarged LEVEL times, bicubic", low_resolution, "scale",
        {"scale": Param(None, (1.0, 4.0), (1.0, 100.0), draws.integer_or_uniform)},
        grid=12,  # of scales 2, 3 and 4
    ),
    "low_light": Degradation(
        "LEVEL stops of under-exposure", low_light, "stops",
        {
            "stops": Param(None, (0.0, 6.0), (0.0, 12.0), draws.squared_uniform),
            "gamma": Param(1.0, (1.0, 1.8), (1.0, 5.0)),
            "gain": Param(0.0, (0.0, 2e-3), (0.0, 1.0)),
            "sigma": Param(0.0, (0.0, 0.3), (0.0, 255.0)),
            "red": Param(1.0, (0.85, 1.15), (0.0, 2.0)),
            "blue": Param(1.0, (0.75, 1.15), (0.0, 2.0)),
        },
        couple=_little_light,
    ),
    "poisson_gaussian": Degradation(
        "Noise of a sensor for which white is 1 / LEVEL photons", poisson_gaussian, "gain",
        {
            "gain": Param(None, (0.0, 0.0256), (0.0, 1.0), draws.sqrt_uniform),
            "sigma": Param(0.0, (0.0, 15.0), (0.0, 255.0)),
            "linear": Param(0.0, (0.0, 1.0), (0.0, 1.0), draws.either, (0.0, 1.0)),
            "clip": Param(1.0, (1.0, 1.0), (0.0, 1.0), draws.either, (0.0, 1.0)),
        },
    ),
    "noise": Degradation(
        "White Gaussian noise of σ = LEVEL of 255, not clipped", gaussian_noise, "sigma",
        {
            "sigma": Param(None, (0.0, 55.0), (0.0, 255.0)),
            "clip": Param(0.0, (0.0, 0.0), (0.0, 1.0), draws.either, (0.0, 1.0)),
        },
    ),
    "camera_noise": Degradation(
        "Noise of σ = LEVEL of 255 as in developed photographs", camera_noise, "sigma",
        {
            "sigma": Param(None, (0.0, 50.0), (0.0, 255.0)),
            "correlation": Param(0.0, (-0.3, 1.0), (-0.5, 1.0), draws.zero_high_or_uniform),
            "mixing": Param(0.0, (0.0, 1.0), (0.0, 10.0), draws.zero_or_uniform),
            "grain": Param(0.0, (0.0, 1.0), (0.0, 10.0), draws.zero_or_uniform),
            "tone": Param(0.0, (-0.3, 1.0), (-1.0, 1.0), draws.zero_or_uniform),
            "clip": Param(1.0, (1.0, 1.0), (0.0, 1.0), draws.either, (0.0, 1.0)),
        },
        couple=_equal_unmixed,
    ),
    "jpeg": Degradation(
        "JPEG of quality LEVEL", jpeg, "quality",
        {
            "quality": Param(None, (10.0, 98.0), (1.0, 100.0), draws.integer),
            "chroma": Param(420.0, (420.0, 420.0), (420.0, 444.0), draws.either, (420.0, 444.0)),
        },
        grid=16,  # blocks of 8 pixels, of 16 where the chroma is halved
    ),
    "webp": Degradation(
        "WebP of quality LEVEL", webp, "quality",
        {"quality": Param(None, (10.0, 98.0), (1.0, 100.0), draws.integer)},
        grid=16,
    ),
}  # fmt: skip
"""Every degradation by name, in the order in which light, lens, sensor and file do them."""


def check_ranges(degradations: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Check ranges that replace those of the table: name → parameter → (low, high).

    An :class:`OptionError` names what is unknown, or a range that is not two values in order.

    >>> check_ranges({"noise": {"sigm": [0, 30]}})
    Traceback (most recent call last):
    osr_core.errors.OptionError: degradations.noise.sigm: unknown; did you mean sigma?
    """
    for name, ranges in degradations.items():
        if name not in DEGRADATIONS:
            raise OptionError(f"degradations.{name}: unknown; {suggest(name, DEGRADATIONS)}")
        params = DEGRADATIONS[name].params
        for key, pair in ranges.items():
            where = f"degradations.{name}.{key}"
            if key not in params:
                raise OptionError(f"{where}: unknown; {suggest(key, params)}")
            try:
                low, high = (params[key].check(where, float(value)) for value in pair)
            except (TypeError, ValueError):
                raise OptionError(f"{where}: expected [low, high], not {pair}") from None
            if low > high:
                raise OptionError(f"{where}: expected [low, high] in order, not {pair}")
