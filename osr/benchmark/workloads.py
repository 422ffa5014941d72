"""What is restored: a synthetic or a given image; how many files, how large, in which format."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.images import SUFFIXES, Picture, read, to_rgb8, write
from osr_core.errors import OptionError

Scene = Callable[[int, int], NDArray[np.uint8]]
"""Height and width to an image (H, W, 3)."""

_NOISE = 8.0  # standard deviation, in levels
_OCTAVES = 8


@dataclass(frozen=True)
class Workload:
    """Image files of one size."""

    count: int
    megapixels: float
    suffix: str

    @classmethod
    def parse(cls, text: str) -> Workload:
        """``12.png`` is one PNG file of 12 megapixels, ``20x2.jpg`` 20 JPEG files of 2.

        Raises:
            OptionError: for other texts.

        >>> Workload.parse("20x2.jpg")
        Workload(count=20, megapixels=2.0, suffix='.jpg')
        """
        match = re.fullmatch(r"(?:(\d{1,5})x)?(\d{1,5}(?:\.\d+)?)(\.[a-z]+)", text)
        if match is None or match[3] not in SUFFIXES:
            raise OptionError(
                f"input {text}: expected [COUNTx]MEGAPIXELS.SUFFIX, such as 12.png or 20x2.jpg"
            )
        work = cls(int(match[1] or 1), float(match[2]), match[3])
        if work.count < 1 or work.megapixels < 0.001:
            raise OptionError(f"input {text}: at least one file of 0.001 megapixels")
        return work

    def __str__(self) -> str:
        times = f"{self.count}x" if self.count > 1 else ""
        return f"{times}{self.megapixels:g}{self.suffix}"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of each image, 3:4."""
        height = max(1, round(sqrt(self.megapixels * 1e6 * 3 / 4)))
        return height, max(1, round(self.megapixels * 1e6 / height))

    @property
    def pixels(self) -> int:
        """Of all images together."""
        height, width = self.size
        return self.count * height * width

    def write(self, folder: Path, scene: Scene) -> list[Path]:
        """Write the files, all of the same image, into a new folder."""
        folder.mkdir()
        paths = [folder / f"{index:05}{self.suffix}" for index in range(self.count)]
        write(paths[0], Picture(scene(*self.size)))
        content = paths[0].read_bytes()
        for path in paths[1:]:
            path.write_bytes(content)
        return paths


def scene_of(path: Path) -> Scene:
    """An image of a file, reflected at its edges as often as a size needs.

    Raises:
        ImageError: if it cannot be read.
    """
    image = to_rgb8(read(path).pixels)

    def scene(height: int, width: int) -> NDArray[np.uint8]:
        below, right = max(0, height - image.shape[0]), max(0, width - image.shape[1])
        whole = np.pad(image, ((0, below), (0, right), (0, 0)), mode="symmetric")
        return np.ascontiguousarray(whole[:height, :width])

    return scene


def synthetic(height: int, width: int) -> NDArray[np.uint8]:
    """(H, W, 3): structures of every size, and noise, so that it compresses as photographs do."""
    rng = np.random.default_rng(0)
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(1, _OCTAVES):
        cells = (2**octave, 2**octave, 3)
        coarse = rng.normal(0, 100 / 2**octave, cells).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    total += 128
    for rows in np.array_split(total, max(1, height // 256)):  # the noise needs no second image
        rows += rng.normal(0, _NOISE, rows.shape).astype(np.float32)
    return total.clip(0, 255).astype(np.uint8)
