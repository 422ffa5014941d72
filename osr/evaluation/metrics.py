"""PSNR and SSIM, and the protocol that says what exactly is compared.

The same two images can differ by several dB between papers: RGB or luma alone, borders cropped or
not, rounded to 8 bit or not. So every function takes a :class:`Protocol`.

Both figures are those of scikit-image (a test compares them), computed several times faster by
OpenCV, which releases the interpreter's lock: images are scored while a network computes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.images import to_levels
from osr_core.errors import ImageError, OptionError, printable

SSIM_VARIANT = "SSIM of Wang et al. (2004): Gaussian window 11×11, σ 1.5, mean over channels"
"""Which of the SSIMs is meant; stated in every report."""

_WINDOW, _RADIUS, _SIGMA = 11, 5, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

Planes = NDArray[np.float64]
"""(H, W, C) in levels of 0 to 255."""


@dataclass(frozen=True)
class Protocol:
    """What exactly is compared.

    >>> print(Protocol("y", crop=2))
    Y, crop 2, 8-bit
    """

    channel: Literal["rgb", "y"] = "rgb"
    """All three channels together, or luma alone as usual for super-resolution and deraining."""
    crop: int = 0
    """Pixels cropped at each border; super-resolution crops as many as its scale."""
    quantised: bool = True
    """Clip and round to 8 bit first, as if both had been stored in a file; Y is then rounded too,
    as MATLAB's ``rgb2ycbcr`` does for 8-bit images. Else values are compared as they are."""

    def __post_init__(self) -> None:
        """Raise :class:`OptionError` if a field is out of range."""
        if self.channel not in ("rgb", "y"):
            raise OptionError(f"channel must be 'rgb' or 'y', not {self.channel!r}")
        if not isinstance(self.crop, int) or self.crop < 0:
            raise OptionError(f"crop must be a whole number of pixels, 0 or more, not {self.crop}")

    def __str__(self) -> str:
        """For instance ``RGB, crop 0, 8-bit``."""
        depth = "8-bit" if self.quantised else "float"
        return f"{self.channel.upper()}, crop {self.crop}, {depth}"

    @classmethod
    def parse(cls, text: str, default: Protocol | None = None) -> Protocol:
        """The protocol of a text such as ``y,crop=2``; what it does not name is as in ``default``.

        Words, separated by commas: ``rgb``, ``y``, ``crop=PIXELS``, ``8-bit`` (both images rounded
        first), ``float``. ``str()`` of a protocol is such a text as well.
        """
        result = default or cls()
        for word in (part.strip().lower() for part in text.split(",")):
            name, _, value = word.replace(" ", "=").partition("=")
            if word in ("rgb", "y"):
                result = replace(result, channel=word)  # type: ignore[arg-type]
            elif word in ("8-bit", "float"):
                result = replace(result, quantised=word == "8-bit")
            elif name == "crop" and value.isdecimal() and len(value) < 6:
                result = replace(result, crop=int(value))
            else:
                raise OptionError(
                    f"protocol {printable(text)!r}: {printable(word)!r} is none of "
                    "rgb, y, crop=PIXELS, 8-bit, float"
                )
        return result


def psnr(result: Any, truth: Any, protocol: Protocol = Protocol()) -> float:
    """Peak signal-to-noise ratio, ``10 log10(255² / mean squared error)``, in dB.

    The peak is 255 levels for Y as well, though studio luma only spans 16 to 235: all published
    figures are computed so.

    Args:
        result: restored image, (H, W, 3) RGB, uint8 or float with 0 to 1 for black to white.
        truth: ground truth of the same shape; the types may differ.
        protocol: what exactly is compared.

    Returns:
        dB; infinite for equal images.

    Raises:
        ImageError: if an argument is no such image, the shapes differ, or nothing is left after
            cropping.

    >>> grey = np.full((16, 16, 3), 100, np.uint8)
    >>> round(psnr(grey + 1, grey), 2)
    48.13
    """
    return _psnr(*_pair(result, truth, protocol))


def psnr_and_ssim(result: Any, truth: Any, protocol: Protocol = Protocol()) -> tuple[float, float]:
    """:func:`psnr`, and the structural similarity of Wang et al. (IEEE TIP 13(4), 2004), at most 1.

    Gaussian window of 11×11 pixels with standard deviation 1.5, population covariance, K1 = 0.01,
    K2 = 0.03, mean over the places where the window fits in; for RGB the mean of the channels.
    Raises :class:`ImageError` as well if under 11 pixels a side are left after cropping.
    """
    a, b = _pair(result, truth, protocol, _WINDOW)
    return _psnr(a, b), float(np.mean([*map(_similarity, cv2.split(a), cv2.split(b))]))


def luma(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Studio-range luma of ITU-R BT.601, as MATLAB's ``rgb2ycbcr``: 16 (black) to 235 (white).

    (..., 3) RGB in levels of 0 to 255 → (...) float64, not rounded:
    ``Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255``.

    >>> luma(np.array([[0, 0, 0], [255, 255, 255]])).round(3).tolist()
    [16.0, 235.0]
    """
    red, green, blue = np.moveaxis(np.asarray(levels, np.float64), -1, 0)
    # In thousandths, which are whole numbers for whole levels: so a half is exactly one, and is
    # rounded alike on every machine.
    thousandths = 65481.0 * red + 128553.0 * green + 24966.0 * blue
    luminance: NDArray[np.float64] = 16.0 + thousandths / 255000.0
    return luminance


def _pair(result: Any, truth: Any, protocol: Protocol, smallest: int = 1) -> tuple[Planes, Planes]:
    """Both images as the protocol compares them, of at least ``smallest`` pixels a side."""
    a, b = _checked(result, "result"), _checked(truth, "truth")
    if a.shape != b.shape:
        raise ImageError(f"result and truth must have the same shape, not {a.shape} and {b.shape}")
    height, width = a.shape[:2]
    if min(height, width) - 2 * protocol.crop < smallest:
        raise ImageError(
            f"an image of {width}×{height} pixels is too small: {smallest} a side must be left "
            f"after cropping {protocol.crop} at each border"
        )
    return _planes(a, protocol), _planes(b, protocol)


def _checked(image: Any, name: str) -> NDArray[Any]:
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(f"{name} must have the shape (H, W, 3), not {array.shape}")
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(f"{name} must be uint8, or float from 0 to 1, not {array.dtype}")
    if not np.isfinite(array).all():
        raise ImageError(f"{name} holds values that are not finite numbers")
    if array.size and array.max() > 16:
        raise ImageError(f"{name} reaches {array.max():g}, but float images go from 0 to 1")
    return array


def _planes(image: NDArray[Any], protocol: Protocol) -> Planes:
    crop = protocol.crop
    inner = image[crop : image.shape[0] - crop, crop : image.shape[1] - crop]
    levels = to_levels(inner) if protocol.quantised else inner
    planes = levels.astype(np.float64) * (1.0 if levels.dtype == np.uint8 else 255.0)
    if protocol.channel == "rgb":
        return planes
    y = luma(planes)[..., None]
    return np.rint(y) if protocol.quantised else y


def _psnr(a: Planes, b: Planes) -> float:
    error = float(np.mean((a - b) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def _similarity(a: Planes, b: Planes) -> float:
    """The mean SSIM of two (H, W) planes, over the places where the window fits in."""
    mean_a, mean_b = _blur(a), _blur(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance, variances = _blur(a * b) - product, _blur(a * a + b * b) - squares
    top = (2 * product + _C1) * (2 * covariance + _C2)
    return float((top / ((squares + _C1) * (variances + _C2))).mean())


def _blur(plane: Planes) -> Planes:
    blurred = cv2.GaussianBlur(plane, (_WINDOW, _WINDOW), _SIGMA)
    return np.asarray(blurred[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS])
