"""Classical restoration methods, one for each kind of degradation: what works without a network.

Each is blind: it is given the image alone and estimates or assumes the parameters of the
degradation. The least gains that ``tests/test_baselines.py`` asks for are between -0.1 dB (motion
blur) and 8 dB (haze). Constants that no paper gives were tuned on photographs and benchmarks, so
gains are optimistic; on other degradations, and on clean images above all, the methods do harm. Not
included: BM3D (non-commercial), anything for raindrops, bicubic enlargement (the input itself).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.degradations.depth import guided_filter
from osr.images import to_float, to_levels
from osr_core.checks import Image, check_image
from osr_core.errors import ImageError

Plane = NDArray[np.float32]

_BLUR_SIGMA, _ITERATIONS = 1.0, 5  # assumed; more iterations ring where the blur is another
_STREAK_WIDTH, _STREAK_LENGTH = 15, 3  # rows of 15 see past most streaks; 3 spares mere dots


@dataclass(frozen=True)
class Baseline:
    """A classical method."""

    title: str
    kinds: frozenset[str]
    """Kinds of degradation that it is meant for: keys of :data:`osr.degradations.DEGRADATIONS`."""
    method: Callable[[Image], Image]
    """Of an image in [0, 1]; its result need not be clipped."""

    def restore(self, image: Image) -> Image:
        """A restored copy, (H, W, 3) float32 in [0, 1], of an image clipped to [0, 1].

        Raises :class:`ImageError` if ``image`` is no such array or is not finite.
        """
        if not np.isfinite(check_image(image)).all():
            raise ImageError("image: holds numbers that are not finite")
        result = self.method(image.clip(0, 1))
        return np.ascontiguousarray(result, np.float32).clip(0, 1)


def estimate_noise(image: Image) -> float:
    """Standard deviation of white noise in a picture, in 8-bit levels.

    The median of the finest diagonal Haar coefficients, whose size in pure noise is 0.6745 σ
    (Donoho and Johnstone, Biometrika 81, 1994). Fine texture counts as one or two levels.

    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (64, 64, 3)).astype(np.float32)
    >>> round(estimate_noise(noise) / 255, 2)
    0.1
    """
    height, width = (side // 2 * 2 for side in image.shape[:2])
    even = image[:height, :width]
    diagonal = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    return float(255 * np.median(np.abs(diagonal)) / 0.6745) if diagonal.size else 0.0


def _non_local_means(image: Image) -> Image:
    """OpenCV's, in CIELAB, of 5×5 patches within 21×21, with a filter strength of 0.7 σ."""
    sigma = estimate_noise(image)
    if sigma == 0:
        return image
    bgr = to_levels(image[:, :, ::-1])
    strength = 0.7 * sigma
    clean = cv2.fastNlMeansDenoisingColored(bgr, None, strength, strength, 5, 21)
    return to_float(clean[:, :, ::-1])


def _dark_channel(image: Image) -> Image:
    """He, Sun and Tang (TPAMI 2011), with their constants: 15×15, ω = 0.95, t₀ = 0.1.

    The transmission is refined by their guided filter (TPAMI 2013) in place of soft matting, with
    the grey picture as its guide, radius 60 and ε = 0.001.
    """
    patch = np.ones((15, 15), np.uint8)
    dark = cv2.erode(image.min(2), patch)
    haziest = np.argsort(dark, axis=None)[-max(1, dark.size // 1000) :]
    candidates = image.reshape(-1, 3)[haziest]
    airlight = np.maximum(candidates[candidates.sum(1).argmax()], 1e-3)
    transmission = 1 - np.float32(0.95) * cv2.erode((image / airlight).min(2), patch)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    refined = np.maximum(guided_filter(grey, transmission, 60, 1e-3), 0.1)
    return (image - airlight) / refined[:, :, None] + airlight


def _richardson_lucy(image: Image) -> Image:
    """scikit-image's, with a Gaussian kernel of an assumed σ and few iterations."""
    from skimage.restoration import richardson_lucy

    radius = math.ceil(4 * _BLUR_SIGMA)
    line = cv2.getGaussianKernel(2 * radius + 1, _BLUR_SIGMA, cv2.CV_32F)
    rim = 2 * radius  # mirrored at the borders, where the kernel sees past the image
    padded = np.pad(image, ((rim, rim), (rim, rim), (0, 0)), mode="reflect")
    kernel = line @ line.T
    sharp = [richardson_lucy(padded[:, :, c], kernel, _ITERATIONS) for c in range(3)]
    return np.stack(sharp, axis=2)[rim:-rim, rim:-rim]


def _unsharp_mask(image: Image) -> Image:
    """Adds half of the difference to a Gaussian of σ = 1.5."""
    from skimage.filters import unsharp_mask

    return unsharp_mask(image, 1.5, 0.5, channel_axis=2)


def _row_median(image: Image) -> Image:
    """Subtract what is brighter than the median of its row's neighbourhood in all channels.

    Rain and snow are bright, grey, and rarely wider than high: what stands out in one channel alone
    or is less than three pixels high is treated as content. This method is our own.
    """
    from skimage.filters import median

    row = np.ones((1, _STREAK_WIDTH, 1), bool)
    excess = (image - median(image, row, mode="reflect")).min(2).clip(0)
    streaks = cv2.morphologyEx(excess, cv2.MORPH_OPEN, np.ones((_STREAK_LENGTH, 1), np.uint8))
    return image - streaks[:, :, None]


def _bilateral(image: Image) -> Image:
    """OpenCV's, of 7×7 pixels: evens out steps of up to about a tenth of the range."""
    return cv2.bilateralFilter(image, 7, 0.1, 1.5)


def _gamma(image: Image) -> Image:
    """The power that brings the mean brightness to 0.45, unless the picture is brighter."""
    brightness = float(np.clip(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean(), 1e-3, 0.999))
    return image ** np.float32(min(1.0, np.log(0.45) / np.log(brightness)))


BASELINES: Mapping[str, Baseline] = {
    "non-local-means": Baseline(
        "Non-local means",
        frozenset({"noise", "poisson_gaussian", "camera_noise"}),
        _non_local_means,
    ),
    "dark-channel": Baseline("Dark-channel prior", frozenset({"haze"}), _dark_channel),
    "richardson-lucy": Baseline("Richardson-Lucy", frozenset({"blur"}), _richardson_lucy),
    "unsharp-mask": Baseline("Unsharp mask", frozenset({"low_resolution"}), _unsharp_mask),
    "row-median": Baseline("Row median", frozenset({"rain", "snow"}), _row_median),
    "bilateral": Baseline("Bilateral filter", frozenset({"jpeg"}), _bilateral),
    "gamma": Baseline("Automatic gamma", frozenset({"low_light"}), _gamma),
}
"""Every baseline by name."""
