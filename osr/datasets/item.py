"""One image of a data set: names of files, read on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.images import centre, read, to_rgb8
from osr_core.errors import ImageError

Pixels = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

Halves = Literal["degraded|truth", "truth|degraded"]
"""Order of the two images in a file that holds both side by side."""


@dataclass(frozen=True)
class Item:
    """One clear image, with its degraded version or its depth map where the set has them.

    Holds names only, so that it is cheap to send to another process.
    """

    name: str
    """Unique within the set and the same on every machine: no root, no suffix."""
    truth: Path
    """File of the clear image."""
    degraded: Path | None = None
    """File of the degraded image, the same as ``truth`` where both are side by side."""
    depth: Path | None = None
    halves: Halves | None = None
    """Set where one file holds both images side by side."""
    centre_crop: bool = False
    """Whether a larger ground truth is cropped around its centre, as RESIDE asks for."""
    max_side: int = 0
    """Longest side in pixels; larger images are downscaled, 0 leaves them unchanged."""
    max_pixels: int | None = None
    """See :func:`osr.images.read`."""

    def load(self) -> tuple[Pixels | None, Pixels]:
        """Read the degraded image, None in sets of clear images, and the clear one; (H, W, 3).

        Raises :class:`ImageError` if a file cannot be read, or the sizes do not fit.
        """
        truth = self._read(self.truth)
        if self.degraded is None:
            return None, downscale(truth, self.max_side)
        if self.halves is None:
            degraded = self._read(self.degraded)
            truth = centre(truth, *degraded.shape[:2]) if self.centre_crop else truth
        else:
            degraded, truth = self._split(truth)
        if degraded.shape != truth.shape:
            raise ImageError(
                f"{self.degraded}: is {_size(degraded)} pixels, "
                f"but its ground truth {self.truth} is {_size(truth)}"
            )
        return downscale(degraded, self.max_side), downscale(truth, self.max_side)

    def load_depth(self) -> NDArray[np.float32] | None:
        """Read the depth map: (H, W), larger is farther, mean 1; None where the set has none.

        Zeros and values that are not finite mean "unknown" in files of depth cameras, and become 1.
        """
        if self.depth is None:
            return None
        values = _depth(self.depth, self.max_pixels)
        known = np.isfinite(values) & (values > 0)
        if not known.any():
            raise ImageError(f"{self.depth}: holds no depth above 0")
        scaled = np.where(known, values, values[known].mean()) / values[known].mean()
        return downscale(scaled.astype(np.float32), self.max_side)

    def _read(self, path: Path) -> Pixels:
        return to_rgb8(read(path, self.max_pixels).pixels)

    def _split(self, both: Pixels) -> tuple[Pixels, Pixels]:
        half = both.shape[1] // 2
        if both.shape[1] % 2 or not half:
            raise ImageError(
                f"{self.truth}: holds no two images side by side: it is {both.shape[1]} pixels wide"
            )
        left, right = both[:, :half], both[:, half:]
        return (left, right) if self.halves == "degraded|truth" else (right, left)


def downscale(image: NDArray[Any], max_side: int) -> NDArray[Any]:
    """(H, W) or (H, W, C), so that no side is longer than ``max_side``; 0: unchanged."""
    height, width = image.shape[:2]
    factor = max_side / max(height, width) if max_side else 1.0
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _size(image: Pixels) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _depth(path: Path, max_pixels: int | None) -> NDArray[Any]:
    if path.suffix.lower() != ".npy":
        pixels = read(path, max_pixels).pixels
        if pixels.ndim == 3 and (pixels[..., :3] != pixels[..., :1]).any():
            raise ImageError(f"{path}: is in colour; a depth map has one value a pixel")
        return (pixels if pixels.ndim == 2 else pixels[..., 0]).astype(np.float64)
    try:
        # Mapped, so that a shape beyond the size of the file is refused before it is allocated.
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if values.ndim != 2 or values.dtype.kind not in "uif":
        raise ImageError(f"{path}: expected numbers (H, W), got {values.dtype} {values.shape}")
    return values.astype(np.float64)
