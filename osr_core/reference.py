"""A NumPy forward pass of any spec: slow, obvious, and the reference for all backends.

Each operation is written from its definition, in the precision of the image; float64 is exact
enough to judge float32 results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.blockiness import blockiness
from osr_core.context import COUNT, haze_amount, mosaic, patches, thumbnail
from osr_core.errors import CheckpointError, ModelError
from osr_core.levels import level
from osr_core.networks import network
from osr_core.operations import LEAKY_SLOPE, Init
from osr_core.spec import External, ModelSpec
from osr_core.wave import to_parts

Array = NDArray[np.floating[Any]]
State = Mapping[str, Array]
"""Weights by canonical name."""


def forward(spec: ModelSpec, state: State, images: Array, context: Array | None = None) -> Array:
    """As :meth:`osr_core.backend.Network.predict`, in the type of the images.

    Raises:
        CheckpointError: if a weight is missing.
    """
    return network(NumpyOps(state, context), spec, images)


class NumpyOps:
    """Operations on arrays ``(N, C, H, W)``; see :class:`osr_core.operations.Ops`."""

    def __init__(self, state: State, context: Array | None = None) -> None:
        self.state = state
        self.context = context

    def conv(
        self,
        name: str,
        x: Array,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        bias: bool = True,
        init: Init = "he",
    ) -> Array:
        # A sum over the kernel's taps, each a matrix product over channels.
        weight = self._weight(f"{name}.weight", x)
        pad = kernel // 2
        padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        height, width = -(-x.shape[2] // stride), -(-x.shape[3] // stride)
        y = np.zeros((x.shape[0], out_channels, height, width), x.dtype)
        for row in range(kernel):
            for column in range(kernel):
                taps = padded[:, :, row:, column:][:, :, : x.shape[2] : stride]
                taps = taps[:, :, :, : x.shape[3] : stride]
                y += np.einsum("oc,nchw->nohw", weight[:, :, row, column], taps, optimize=True)
        return y + self._weight(f"{name}.bias", x)[:, None, None] if bias else y

    def deconv(self, name: str, x: Array) -> Array:
        # Each element adds its weighted 3×3 kernel, two pixels apart; the first row and column of
        # the sum are cut off.
        weight = self._weight(f"{name}.weight", x)
        n, _, height, width = x.shape
        y = np.zeros((n, weight.shape[1], 2 * height + 1, 2 * width + 1), x.dtype)
        for row in range(3):
            for column in range(3):
                added = np.einsum("co,nchw->nohw", weight[:, :, row, column], x, optimize=True)
                y[:, :, row : row + 2 * height : 2, column : column + 2 * width : 2] += added
        return y[:, :, 1:, 1:] + self._weight(f"{name}.bias", x)[:, None, None]

    def coefficients(self, name: str, shape: tuple[int, ...]) -> Any:
        return self._weight(name, np.zeros(0, np.float64))

    def scale(self, x: Array, coefficients: Any) -> Array:
        return x * coefficients[: x.shape[1], None, None].astype(x.dtype)

    def affine(self, x: Array, scale: float, shift: float) -> Array:
        return x * x.dtype.type(scale) + x.dtype.type(shift)

    add = staticmethod(np.add)
    sub = staticmethod(np.subtract)
    mul = staticmethod(np.multiply)
    wave = staticmethod(to_parts)
    haze_amount = staticmethod(haze_amount)
    blockiness = staticmethod(blockiness)

    def relu(self, x: Array) -> Array:
        return np.maximum(x, 0)

    def leaky(self, x: Array, slope: float = LEAKY_SLOPE) -> Array:
        return np.maximum(x, x * x.dtype.type(slope))

    def sigmoid(self, x: Array) -> Array:
        return (np.tanh(x / 2) + 1) / 2  # cannot overflow

    def concat(self, x: Array, y: Array) -> Array:
        return np.concatenate((x, y), axis=1)

    def split(self, x: Array) -> tuple[Array, Array]:
        half = x.shape[1] // 2
        return x[:, :half], x[:, half:]

    def unshuffle(self, x: Array, side: int) -> Array:
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // side, side, w // side, side)
        return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(n, c * side**2, h // side, w // side)

    def shuffle(self, x: Array, side: int) -> Array:
        n, c, h, w = x.shape
        blocks = x.reshape(n, c // side**2, side, side, h, w)
        return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(n, c // side**2, h * side, w * side)

    def subpixel(self, name: str, x: Array, out_channels: int, factor: int) -> Array:
        return self.shuffle(self.conv(name, x, out_channels * factor**2, 1), factor)

    def upsample(self, x: Array, factor: int) -> Array:
        for axis in (2, 3):
            before, after = (np.roll(x, shift, axis) for shift in (1, -1))
            first, last = [slice(None)] * 4, [slice(None)] * 4
            first[axis], last[axis] = slice(0, 1), slice(-1, None)
            before[tuple(first)], after[tuple(last)] = x[tuple(first)], x[tuple(last)]
            rows = []
            for index in range(factor):
                offset = x.dtype.type((index + 0.5) / factor - 0.5)  # from the centre of x
                other = before if offset < 0 else after
                rows.append(x + abs(offset) * (other - x))
            shape = [*x.shape]
            shape[axis] *= factor
            x = np.stack(rows, axis + 1).reshape(shape)
        return x

    def gated(self, gate: Array, x: Callable[[], Array], otherwise: Array) -> Array:
        return x()

    def mean(self, x: Array) -> Array:
        return x.mean(axis=(2, 3), keepdims=True)

    def thumbnail(self, x: Array) -> Array:
        return thumbnail(x) if self.context is None else self.context[:, :3]

    def patches(self, x: Array) -> Array:
        return patches(mosaic(x) if self.context is None else self.context[:, 3:])

    def mean_of_patches(self, x: Array) -> Array:
        return x.reshape(-1, COUNT, *x.shape[1:]).mean(axis=(1, 3, 4))[..., None, None]

    def level(self, x: Array, cell: int) -> Array:
        n, c, height, width = x.shape
        cells = (x * x).reshape(n, c, height // cell, cell, width // cell, cell)
        return np.asarray(level(cells.mean(axis=(1, 3, 5))[:, None]))

    def external(self, spec: External, x: Array) -> Array:
        raise ModelError(f"backbone {spec.name}: external, known in its own framework only")

    def note(self, name: str, value: Array) -> None:
        """:mod:`osr.inspection` overrides it."""

    def _weight(self, name: str, like: Array) -> Array:
        if name not in self.state:
            raise CheckpointError(f"{name}: missing")
        return self.state[name].astype(like.dtype)
