"""The operations that :mod:`osr_core.networks` is written in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

from osr_core.backbones import External

T = TypeVar("T")

Init = Literal["he", "lecun", "small", "high_pass", "zeros", "ones"]
"""Initialisers; :mod:`osr_core.initial` draws them."""

LEAKY_SLOPE = 0.2
"""Negative slope of the leaky ReLU in residual blocks."""

GATE_SLOPE = 0.01
"""Negative slope of gates: a closed gate keeps a gradient, so it can open again."""

Ramp = tuple[float, float]
"""Probabilities up to which a gate is 0, and from which on it is 1; linear between them."""

ROUTE: Ramp = (1 / 8, 1 / 4)
"""Of the router of routed experts, which runs whatever may be needed."""

GATE: Ramp = (1 / 4, 3 / 4)
"""Of the gates of routed experts."""

RESIDUAL_SCALE = 10.0
"""The gating network reads each expert's residual times this, which brings it to the scale of the
image."""


class Ops(Protocol[T]):
    """Operations on feature maps. ``T`` stands for one of shape ``(N, C, H, W)``."""

    def conv(
        self,
        name: str,
        x: T,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        bias: bool = True,
        init: Init = "he",
    ) -> T:
        """Convolution with zero padding ``kernel // 2``."""

    def deconv(self, name: str, x: T) -> T:
        """Transposed convolution 3×3 to exactly twice the size; keeps the channels."""

    def coefficients(self, name: str, shape: tuple[int, ...]) -> Any:
        """A parameter that starts at one; its parts are arguments of :meth:`scale`."""

    def scale(self, x: T, coefficients: Any) -> T:
        """Multiply each channel by its coefficient; surplus coefficients are unused."""

    def affine(self, x: T, scale: float, shift: float) -> T:
        """``scale · x + shift``."""

    def add(self, x: T, y: T) -> T:
        """``x + y``; either may be of size 1×1, or have a single channel."""

    def sub(self, x: T, y: T) -> T:
        """``x - y``, as :meth:`add`."""

    def mul(self, x: T, y: T) -> T:
        """``x ⊙ y``, as :meth:`add`."""

    def relu(self, x: T) -> T:
        """``max(x, 0)``."""

    def leaky(self, x: T, slope: float = LEAKY_SLOPE) -> T:
        """``max(x, slope · x)``."""

    def sigmoid(self, x: T) -> T:
        """``1 / (1 + exp(-x))``."""

    def wave(self, amplitude: T, phase: T) -> tuple[T, T]:
        """:func:`osr_core.wave.to_parts`."""

    def concat(self, x: T, y: T) -> T:
        """Concatenate channels."""

    def split(self, x: T) -> tuple[T, T]:
        """First and second half of the channels."""

    def unshuffle(self, x: T, side: int) -> T:
        """Pixel blocks ``side × side`` become channels, ordered (channel, row, column)."""

    def shuffle(self, x: T, side: int) -> T:
        """The inverse of :meth:`unshuffle`."""

    def subpixel(self, name: str, x: T, out_channels: int, factor: int) -> T:
        """Convolution 1×1 and :meth:`shuffle`, to ``factor`` times the size (Shi et al. 2016)."""

    def upsample(self, x: T, factor: int) -> T:
        """Bilinear interpolation to ``factor`` times the size.

        Between centres of elements (half-pixel centres); edges are repeated.
        """

    def gated(self, gate: T, x: Callable[[], T], otherwise: T) -> T:
        """``x()``, or ``otherwise``, which broadcasts to the same where ``gate`` is all zeros."""

    def mean(self, x: T) -> T:
        """Mean of each channel over the whole image, of size 1×1."""

    def thumbnail(self, x: T) -> T:
        """:func:`osr_core.context.thumbnail` of the whole image, also where ``x`` is a tile."""

    def patches(self, x: T) -> T:
        """:func:`osr_core.context.patches` of the whole image, also where ``x`` is a tile."""

    def mean_of_patches(self, x: T) -> T:
        """Mean of each channel over all patches of an image, of size 1×1."""

    def haze_amount(self, thumbnail: T) -> T:
        """:func:`osr_core.context.haze_amount`, one channel of size 1×1."""

    def blockiness(self, patches: T) -> T:
        """:func:`osr_core.blockiness.blockiness`, of size 1×1."""

    def level(self, x: T, cell: int) -> T:
        """:func:`osr_core.levels.level` of a change in each cell, one channel."""

    def external(self, spec: External, x: T) -> T:
        """A network that is not described here."""

    def note(self, name: str, value: T) -> None:
        """Called with quantities worth looking at, by name; computes nothing."""
