"""PSNR and SSIM that never lose sight of how they were measured.

The same two pictures can differ by several dB between papers: RGB or Y alone, borders cut off or
not, rounded to 8 bit or not. So a figure is a :class:`Score`, which carries its
:class:`Convention` along and prints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import ImageError, OptionError

_WINDOW = 11


@dataclass(frozen=True)
class Convention:
    """What exactly is compared.

    Raises:
        OptionError: if a field has a value that makes no sense.

    >>> print(Convention("y", crop=2))
    Y, crop 2, 8-bit
    """

    channel: Literal["rgb", "y"] = "rgb"
    """All three channels together, or luma alone as usual for super-resolution and deraining."""
    crop: int = 0
    """Pixels cut off at each border; super-resolution cuts off as many as its scale."""
    quantised: bool = True
    """Clip and round to 8 bit first, as if both had been stored in a file; Y is then rounded too,
    as MATLAB's ``rgb2ycbcr`` does for 8-bit pictures. Else values are taken as they are."""

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.channel not in ("rgb", "y"):
            raise OptionError(f"channel must be 'rgb' or 'y', not {self.channel!r}")
        if not isinstance(self.crop, (int, np.integer)) or self.crop < 0:
            raise OptionError(f"crop must be a whole number of pixels from 0 on, not {self.crop}")

    def __str__(self) -> str:
        """For instance ``RGB, crop 0, 8-bit``."""
        depth = "8-bit" if self.quantised else "float"
        return f"{self.channel.upper()}, crop {self.crop}, {depth}"


@dataclass(frozen=True)
class Score:
    """A figure, what it is, and how it was measured.

    >>> print(Score(30.2412, "PSNR", Convention("y", 2)))
    PSNR 30.24 dB (Y, crop 2, 8-bit)
    """

    value: float
    """In dB for PSNR (infinite for equal pictures); at most 1 for SSIM."""
    name: Literal["PSNR", "SSIM"]
    convention: Convention

    def __str__(self) -> str:
        """Name, figure, unit and convention on one line."""
        figure = f"{self.value:.2f} dB" if self.name == "PSNR" else f"{self.value:.4f}"
        return f"{self.name} {figure} ({self.convention})"


def psnr(result: Any, truth: Any, convention: Convention = Convention()) -> Score:
    """Peak signal-to-noise ratio, ``10 log10(peak² / mean squared error)``, in dB.

    The peak is 255 levels for Y as well, though studio luma only spans 16 to 235: all published
    figures are computed so.

    Args:
        result: picture to judge, (H, W, 3) RGB, uint8 or float with 0 to 1 for black to white.
        truth: what it should be, of the same shape; the types may differ.
        convention: what exactly is compared.

    Raises:
        ImageError: if a picture is none, the shapes differ, or nothing is left after cropping.

    >>> grey = np.full((16, 16, 3), 100, np.uint8)
    >>> print(psnr(grey + 1, grey))
    PSNR 48.13 dB (RGB, crop 0, 8-bit)
    """
    from skimage.metrics import peak_signal_noise_ratio

    a, b = _prepare(result, truth, convention, smallest=1)
    with np.errstate(divide="ignore"):  # equal pictures: infinite, and no warning
        value = float(peak_signal_noise_ratio(b, a, data_range=255.0))
    return Score(value, "PSNR", convention)


def ssim(result: Any, truth: Any, convention: Convention = Convention()) -> Score:
    """Structural similarity as Wang et al. define it (IEEE TIP 13(4), 2004).

    Gaussian window of 11 by 11 pixels with standard deviation 1.5, population covariance,
    K1 = 0.01, K2 = 0.03, mean over the places where the window fits in; for RGB the mean of the
    three channels.

    Args:
        result: picture to judge, (H, W, 3) RGB, uint8 or float with 0 to 1 for black to white.
        truth: what it should be, of the same shape; the types may differ.
        convention: what exactly is compared.

    Raises:
        ImageError: if a picture is none, the shapes differ, or under 11 pixels are left a side.
    """
    from skimage.metrics import structural_similarity

    a, b = _prepare(result, truth, convention, smallest=_WINDOW)
    value = structural_similarity(
        b,
        a,
        data_range=255.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return Score(float(value), "SSIM", convention)


def mean(scores: Sequence[Score]) -> Score:
    """Mean over the pictures of a set; the usual figure of a benchmark.

    Raises:
        OptionError: if there is none, or they were not all measured in the same way.
    """
    if not scores:
        raise OptionError("the mean of no scores was asked for: give at least one")
    first = scores[0]
    for score in scores:
        if (score.name, score.convention) != (first.name, first.convention):
            raise OptionError(
                f"scores measured differently have no mean: {first.name} ({first.convention}) "
                f"and {score.name} ({score.convention})"
            )
    return Score(float(np.mean([s.value for s in scores])), first.name, first.convention)


def luma(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Studio-range luma of ITU-R BT.601, as MATLAB's ``rgb2ycbcr``: 16 (black) to 235 (white).

    ``Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255`` for R, G, B of 0 to 255.

    Args:
        levels: (..., 3) RGB in levels of 0 to 255, uint8 or float.

    Returns:
        (...) float64, not rounded.

    >>> luma(np.array([[0, 0, 0], [255, 255, 255]])).round(3).tolist()
    [16.0, 235.0]
    """
    red, green, blue = np.moveaxis(np.asarray(levels, np.float64), -1, 0)
    # In thousandths, which are whole numbers for whole levels: so a half is one, and is rounded
    # alike on every machine and in every strip of a picture.
    thousandths = 65481.0 * red + 128553.0 * green + 24966.0 * blue
    luminance: NDArray[np.float64] = 16.0 + thousandths / 255000.0
    return luminance


def _prepare(
    result: Any, truth: Any, convention: Convention, smallest: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both pictures as the convention wants them: (h, w, 3 or 1) float64 in levels of 0 to 255."""
    a, b = _levels(result, "result", convention), _levels(truth, "truth", convention)
    if a.shape != b.shape:
        raise ImageError(f"result and truth must have the same shape, not {a.shape} and {b.shape}")
    crop = convention.crop
    if min(a.shape[:2]) - 2 * crop < smallest:
        raise ImageError(
            f"a picture of {a.shape[0]} by {a.shape[1]} pixels is too small: "
            f"{smallest} a side must be left after cutting off {crop} at each border"
        )
    inner = (slice(crop, a.shape[0] - crop), slice(crop, a.shape[1] - crop))
    a, b = a[inner], b[inner]
    if convention.channel == "y":
        a, b = luma(a)[..., None], luma(b)[..., None]
        if convention.quantised:
            a, b = np.rint(a), np.rint(b)
    return a, b


def _levels(picture: Any, name: str, convention: Convention) -> NDArray[np.float64]:
    """Check a picture and bring it to levels of 0 to 255, rounded if the convention says so."""
    array = np.asarray(picture)
    if array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(f"{name} must have the shape (H, W, 3), not {array.shape}")
    if array.dtype == np.uint8:
        return array.astype(np.float64)
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(f"{name} must be uint8, or float from 0 to 1, not {array.dtype}")
    levels = array.astype(np.float64) * 255.0
    if not np.all(np.isfinite(levels)):
        raise ImageError(f"{name} holds values that are not finite numbers")
    if levels.size and levels.max() > 16 * 255.0:
        raise ImageError(f"{name} reaches {array.max():g}, but float pictures go from 0 to 1")
    return np.rint(np.clip(levels, 0.0, 255.0)) if convention.quantised else levels
