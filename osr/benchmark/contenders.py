"""Networks that are measured on tiles: our models, and peers of the same interface."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from backends import get_backend
from osr.benchmark.clock import Timed, stopwatch
from osr_core.analysis import analyse
from osr_core.backend import is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.context import context_of
from osr_core.errors import DeviceError
from osr_core.pixels import to_planes
from osr_core.spec import GridDehaze, ModelSpec, Residual, RoutedExperts

Planes = NDArray[np.float32]

SPECS = {"baseline": ModelSpec(Residual()), "griddehaze": ModelSpec(GridDehaze())}
"""Peers in our own backends, with initial weights: the public baseline of the method's authors, and
GridDehazeNet."""

_SLOW = 8.0  # seconds of a tile, after which larger ones are left out


class Tiles(dict[int, Timed]):
    """A network on square tiles, by their side in pixels."""

    @property
    def best(self) -> int:
        """Side of the tile on which a pixel takes the least time."""
        return min(self, key=lambda side: self[side].seconds / side**2)


@dataclass
class Contender:
    """Something that maps ``(1, 3, H, W)`` in [0, 1] to the same."""

    name: str
    backend: str
    precision: str
    predict: Callable[..., object]
    """Of a tile and, if it has a context, that of the image."""
    stride: int = 1
    """Height and width must be multiples of it."""
    macs: float | None = None
    """Multiply-accumulates a pixel, if they do not depend on the image."""
    context_channels: int = 0
    tiles: Tiles = field(default_factory=Tiles)
    """Each an image of its own."""

    def __str__(self) -> str:
        return f"{self.name}, {self.backend}, {self.precision}"

    def tiles_of(
        self, image: NDArray[np.uint8], sides: Sequence[int], whole: NDArray[np.uint8] | None = None
    ) -> Tiles:
        """Tiles of the upper left corner of an image (H, W, 3), each computed once.

        Args:
            image: at least as large as the largest tile.
            sides: in pixels.
            whole: whose context the tiles have; by default each its own.
        """
        channels, tiles = self.context_channels, Tiles()
        of_whole = None if whole is None or not channels else _context(to_planes(whole), channels)
        for side in sorted({max(1, side // self.stride) * self.stride for side in sides}):
            arguments = [to_planes(image[:side, :side])]
            if channels:
                arguments.append(_context(arguments[0], channels) if of_whole is None else of_whole)
            work = stopwatch(partial(self.predict, *arguments))
            tiles[side] = Timed(f"{self}, {side}×{side}", work)
            if work() > _SLOW:
                break
        return tiles


def models(
    names: Sequence[str], backends: Sequence[str], precisions: Sequence[str], device: str
) -> Iterator[Contender]:
    """Registered models and weight files; a backend leaves out precisions that it does not have."""
    for name in names:
        checkpoint = Checkpoint.load(name)
        info = analyse(checkpoint.spec)
        routed = isinstance(checkpoint.spec.backbone, RoutedExperts)
        macs = None if routed else info.macs_per_pixel
        for backend in backends:
            for precision in precisions:
                try:
                    network = get_backend(backend).load(checkpoint, device, precision)
                except DeviceError as error:
                    logging.getLogger("osr").warning("%s: left out: %s", name, error)
                    continue
                yield Contender(
                    name, backend, precision, network.predict, info.total_stride, macs,
                    info.context_channels,
                )  # fmt: skip


def _context(image: Planes, channels: int) -> Planes:
    return context_of(image, channels).astype(np.float32)


def peers(backends: Sequence[str], device: str) -> Iterator[Contender]:
    """:data:`SPECS` in each backend; DnCNN-20 and NAFNet-32 in PyTorch, if it is installed;
    OpenCV's non-local means."""
    for name, spec in SPECS.items():
        info = analyse(spec)
        for backend in backends:
            predict = get_backend(backend).build(spec, device=device).predict
            yield Contender(
                name, backend, "float32", predict, info.total_stride, info.macs_per_pixel
            )
    if is_installed("torch") and device in ("auto", "cpu"):
        from osr.benchmark import torch_peers

        for name, (predict, stride) in torch_peers.peers().items():
            yield Contender(name, "torch", "float32", predict, stride)
    yield Contender("non-local-means", "opencv", "8 bit", _non_local_means)


def _non_local_means(images: Planes) -> Planes:
    """Buades, Coll and Morel (CVPR 2005), as OpenCV has it for colour, with its defaults."""
    levels = np.rint(images[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    denoised = cv2.fastNlMeansDenoisingColored(levels, None, 10, 10, 7, 21)
    return denoised.transpose(2, 0, 1)[None] / np.float32(255)
