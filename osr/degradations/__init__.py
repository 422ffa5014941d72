"""Synthetic degradation on clean photographs: the one door to all of it.

Every function takes a (H, W, 3) float32 RGB picture in [0, 1] and returns a new one of the same
shape. What is random comes from the :class:`numpy.random.Generator` passed in and from nowhere
else. Only :func:`gaussian_noise` (unless told to clip) and :func:`poisson_gaussian` (if told not
to) leave [0, 1].

:data:`KINDS` says how severity is drawn for training; :class:`~osr.degradations.levels.Degradation`
is degradation of a given severity, for tests and demonstrations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from osr.degradations.blur import defocus_blur, gaussian_blur, motion_blur, shake_blur
from osr.degradations.compression import jpeg
from osr.degradations.dimming import low_light
from osr.degradations.draws import Ranges
from osr.degradations.drops import raindrops
from osr.degradations.kinds import KINDS, Kind, Parameter, check_ranges
from osr.degradations.noise import gaussian_noise, poisson_gaussian
from osr.degradations.resize import low_resolution, resize_bicubic
from osr.degradations.snowflakes import snow
from osr.degradations.weather import Depth, haze, pseudo_depth, rain
from osr_core.checks import Image, check_image
from osr_core.errors import OptionError
from osr_core.settings import suggest

__all__ = [
    "KINDS",
    "Kind",
    "Parameter",
    "check_ranges",
    "defocus_blur",
    "degrade",
    "gaussian_blur",
    "gaussian_noise",
    "haze",
    "jpeg",
    "low_light",
    "low_resolution",
    "mixture",
    "motion_blur",
    "poisson_gaussian",
    "pseudo_depth",
    "rain",
    "raindrops",
    "resize_bicubic",
    "shake_blur",
    "snow",
]


def degrade(
    image: Image,
    kind: str,
    rng: np.random.Generator,
    ranges: Ranges | None = None,
    depth: Depth | None = None,
) -> Image:
    """Degradation of one ``kind`` (a key of :data:`KINDS`) and of a severity drawn at random.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        kind: which.
        rng: source of severity and degradation.
        ranges: parameter → (low, high), to replace the defaults of this kind.
        depth: (H, W), larger is farther, of mean 1 over the photograph; else haze makes one up.

    Raises:
        ImageError: if ``image`` is not such an array or ``depth`` has another size.
        OptionError: if there is no such kind, or a range is wrong; see :func:`check_ranges`.

    >>> clean = np.full((8, 8, 3), 0.5, np.float32)
    >>> degrade(clean, "haze", np.random.default_rng(0), {"beta": (1.0, 2.0)}).shape
    (8, 8, 3)
    """
    return mixture(image, [kind], rng, {kind: ranges} if ranges else None, depth)


def mixture(
    image: Image,
    kinds: Iterable[str],
    rng: np.random.Generator,
    ranges: Mapping[str, Ranges] | None = None,
    depth: Depth | None = None,
) -> Image:
    """Degradation of several ``kinds``, in the order of :data:`KINDS` whatever order they come in.

    Without any kind the result is a copy of the picture.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        kinds: keys of :data:`KINDS`.
        rng: source of severity and degradation.
        ranges: kind → parameter → (low, high), to replace defaults; also of kinds not used here.
        depth: as in :func:`degradation`.

    Raises:
        ImageError: if ``image`` is not such an array or ``depth`` has another size.
        OptionError: if there is no such kind, or a range is wrong; see :func:`check_ranges`.
    """
    wanted = set(kinds)
    for name in sorted(wanted - KINDS.keys()):
        raise OptionError(f"no kind of degradation is named {name!r}; {suggest(name, KINDS)}")
    checked = check_ranges(ranges or {})
    result = check_image(image).copy()
    for kind, apply in KINDS.items():
        if kind in wanted:
            result = apply(result, rng, checked.get(kind), depth)
    return result
