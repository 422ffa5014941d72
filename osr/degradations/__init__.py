"""Synthetic degradation of clean images.

Every function takes a (H, W, 3) float32 RGB image in [0, 1] and returns a new one of the same size;
anything else is an :class:`~osr_core.errors.ImageError`. What is random comes from the generator
passed in and from nowhere else. Only noise leaves [0, 1], and only where it is not clipped.

:data:`DEGRADATIONS` lists all of them with the ranges of their parameters and how training draws
them. Its rows check values against the ranges; the functions by themselves do not. A :class:`Chain`
is one or more, of given or drawn severity:

>>> import numpy as np
>>> clean = np.full((8, 8, 3), 0.5, np.float32)
>>> degraded, target = Chain.parse("haze:1.2+noise:25")(clean, np.random.default_rng(0))
"""

from osr.degradations.blur import defocus_blur, gaussian_blur, motion_blur, shake_blur
from osr.degradations.chain import Chain, Step
from osr.degradations.compression import jpeg, webp
from osr.degradations.degradation import Degradation, Param
from osr.degradations.depth import pseudo_depth
from osr.degradations.draws import Ranges
from osr.degradations.drops import raindrops
from osr.degradations.noise import camera_noise, gaussian_noise, grey, low_light, poisson_gaussian
from osr.degradations.registry import DEGRADATIONS, check_ranges
from osr.degradations.resize import low_resolution, resize_bicubic
from osr.degradations.snowflakes import snow
from osr.degradations.weather import haze, rain

__all__ = [
    "DEGRADATIONS", "Chain", "Degradation", "Param", "Ranges", "Step", "camera_noise",
    "check_ranges", "defocus_blur", "gaussian_blur", "gaussian_noise", "grey", "haze", "jpeg",
    "low_light", "low_resolution", "motion_blur", "poisson_gaussian", "pseudo_depth", "rain",
    "raindrops", "resize_bicubic", "shake_blur", "snow", "webp",
]  # fmt: skip
