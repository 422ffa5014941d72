"""The losses by name; the backends' ``losses.py`` add them up.

All take result and target ``(N, 3, H, W)``, nominally in [0, 1], and return one number: 0 for equal
images, more for others.

>>> check_losses({"smooth_l1": 1.0, "perceptual": 0.04})
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from osr_core.errors import OptionError

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
"""Every loss by name, with its definition.

``rmse`` gives all images gradients of the same size. With ``l1``, gradients of pixels add up where
the errors of an image are all of one sign, as in haze, so that such images dominate. ``psnr``
counts each image by its own error, so that a weak degradation matters as much as a strong one; an
image at 40 dB has a loss of 2.4, one at 20 dB of 6.9. ``frequency`` takes the whole spectrum, real
and imaginary parts as separate numbers, as in the authors' code, so that their weight of 0.1 beside
``l1`` applies.
"""

CHARBONNIER_EPSILON = 1e-3
"""Where Charbonnier's loss turns from a parabola into |d|."""

PSNR_FLOOR = 1e-5
"""Mean squared error of 50 dB, below which the PSNR of an image hardly counts any more."""

Tensor = Any
"""Of either framework: these of its methods have the same names in both."""


def _l1(result: Tensor, target: Tensor) -> Tensor:
    return (result - target).abs().mean()


def _charbonnier(result: Tensor, target: Tensor) -> Tensor:
    return ((result - target).square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def mse(result: Tensor, target: Tensor) -> Tensor:
    """Mean squared error."""
    return (result - target).square().mean()


def _rmse(result: Tensor, target: Tensor) -> Tensor:
    errors = (result - target).square().mean((1, 2, 3))  # (N,)
    return (errors + PSNR_FLOOR).sqrt().mean() - PSNR_FLOOR**0.5


def _psnr(result: Tensor, target: Tensor) -> Tensor:
    errors = (result - target).square().mean((1, 2, 3))  # (N,)
    return (1 + errors / PSNR_FLOOR).log().mean()


TERMS = {"l1": _l1, "charbonnier": _charbonnier, "mse": mse, "rmse": _rmse, "psnr": _psnr}
"""Those that are the same lines in both frameworks."""


def check_losses(weights: Mapping[str, float]) -> None:
    """Raise :class:`OptionError` unless these are losses, at least one, with positive weights."""
    if not isinstance(weights, Mapping) or not weights:
        raise OptionError(f"loss: expected weights by name, such as l1 = 1.0, got {weights!r}")
    for name, weight in weights.items():
        if name not in LOSSES:
            near = get_close_matches(str(name), LOSSES, 1, cutoff=0)
            raise OptionError(f"loss.{name}: unknown; did you mean {near[0]}?")
        number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not number or not 0 < weight < math.inf:  # a NaN is in no range
            raise OptionError(f"loss.{name}: expected a positive number, got {weight!r}")
