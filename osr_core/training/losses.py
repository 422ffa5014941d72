"""The losses, defined in NumPy.

All take result and target ``(N, 3, H, W)``, nominally in [0, 1], and return one number: 0 for equal
images, more for others. The backends' ``losses.py`` compute the same in float32, with gradients.

>>> check_losses({"smooth_l1": 1.0, "perceptual": 0.04})
>>> REFERENCES["l1"](np.ones((1, 3, 4, 4)), np.zeros((1, 3, 4, 4)))
1.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import OptionError

Array = NDArray[np.floating[Any]]

LOSSES: Mapping[str, str] = {
    "l1": "mean of |d|, where d = result - target",
    "smooth_l1": "mean of d²/2 where |d| < 1, else |d| - 1/2 (Girshick, ICCV 2015; beta 1)",
    "charbonnier": "mean of √(d² + 1e-6) (Charbonnier et al., ICIP 1994; epsilon 1e-3)",
    "mse": "mean of d²",
    "rmse": "mean over images of √(mean d² + 1e-5) - √1e-5",
    "psnr": "mean over images of ln(1 + mean d² / 1e-5): decibels under 50 (HINet, CVPRW 2021)",
    "frequency": "mean of |Re|, |Im| of the 2-D FFT of d, not normalised (Cho et al., ICCV 2021)",
    "perceptual": "mean of the MSEs of VGG16 relu1_2, relu2_2, relu3_3 (Johnson et al., ECCV 2016)",
}
"""Every loss by name, with its definition in one line."""

CHARBONNIER_EPSILON = 1e-3
"""Where Charbonnier's loss turns from a parabola into |d|."""

PSNR_FLOOR = 1e-5
"""Mean squared error of 50 dB, below which the PSNR of an image hardly counts any more."""


def check_losses(weights: Mapping[str, float]) -> None:
    """Raise :class:`OptionError` unless these are losses with positive, finite weights.

    Args:
        weights: name → weight in the sum; at least one.
    """
    if not isinstance(weights, Mapping) or not weights:
        raise OptionError(f"loss: expected weights by name, such as l1 = 1.0, got {weights!r}")
    for name, weight in weights.items():
        if name not in LOSSES:
            near = get_close_matches(str(name), LOSSES, 1, cutoff=0)
            raise OptionError(f"loss.{name}: unknown; did you mean {near[0]}?")
        number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not number or not 0 < weight < math.inf:  # a NaN is in no range
            raise OptionError(f"loss.{name}: expected a positive number, got {weight!r}")


def l1(result: Array, target: Array) -> float:
    """Mean absolute difference."""
    return float(np.abs(result - target).mean())


def smooth_l1(result: Array, target: Array) -> float:
    """Huber's loss with threshold 1: the default of ``torch.nn.SmoothL1Loss``."""
    d = np.abs(result - target)
    return float(np.where(d < 1, d**2 / 2, d - 1 / 2).mean())


def charbonnier(result: Array, target: Array) -> float:
    """A differentiable |d|, as in LapSRN (Lai et al., CVPR 2017) and MPRNet."""
    return float(np.sqrt((result - target) ** 2 + CHARBONNIER_EPSILON**2).mean())


def mse(result: Array, target: Array) -> float:
    """Mean squared difference."""
    return float(((result - target) ** 2).mean())


def rmse(result: Array, target: Array) -> float:
    """Root mean squared error of each image, so that all images have gradients of the same size.

    With L1, gradients of pixels add up where the errors of an image are all of one sign, as in
    haze, so that such images dominate.
    """
    errors = ((result - target) ** 2).mean((1, 2, 3))
    return float(np.sqrt(errors + PSNR_FLOOR).mean() - np.sqrt(PSNR_FLOOR))


def psnr(result: Array, target: Array) -> float:
    """Negative PSNR up to constants, after HINet (Chen et al., CVPRW 2021).

    Each image counts by its own error, so that a weak degradation matters as much as a strong one,
    which a network needs that must not make weak ones worse. An image at 40 dB has a loss of 2.4,
    one at 20 dB of 6.9; 10 dB are 2.3.
    """
    errors = ((result - target) ** 2).mean((1, 2, 3))
    return float(np.log1p(errors / PSNR_FLOOR).mean())


def frequency(result: Array, target: Array) -> float:
    """L1 between the 2-D FFTs of result and target, as in MIMO-UNet (Cho et al., ICCV 2021).

    The whole spectrum, not normalised (the first coefficient of an image is the sum of its pixels),
    real and imaginary parts as separate numbers, as in the authors' code, so that their weight of
    0.1 beside L1 applies.
    """
    spectrum = np.fft.fft2(result - target)
    return float((np.abs(spectrum.real) + np.abs(spectrum.imag)).mean() / 2)


REFERENCES: Mapping[str, Callable[[Array, Array], float]] = {
    "l1": l1,
    "smooth_l1": smooth_l1,
    "charbonnier": charbonnier,
    "mse": mse,
    "rmse": rmse,
    "psnr": psnr,
    "frequency": frequency,
}
"""The losses that need no network, as above; in float64 for float64 images."""
