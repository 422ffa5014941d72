"""What networks are made of: the operations that :mod:`osr_core.networks` is written in."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeVar

from osr_core.wave import CarriedOver

T = TypeVar("T")

Init = Literal["he", "lecun", "small", "zeros", "ones"]
"""Initialisers, drawn by :mod:`osr_core.initial`."""

LEAK = 0.2
"""What a leaky activation lets pass of what is negative."""

AJAR = 0.01
"""What a gate of experts lets pass of what is negative: shut for good, it could never open."""

MAGNIFIED = 10.0
"""Factor by which the gates of experts see what each would change: as large as the image."""


class Ops(Protocol[T]):
    """What a network is made of. ``T`` stands for a picture of shape ``(N, C, H, W)``."""

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
        """Transposed convolution 3×3 to exactly twice the size, channels kept."""

    def coefficients(self, name: str, shape: tuple[int, ...]) -> Any:
        """A parameter that starts at one, to be indexed and used in :meth:`scale`."""

    def scale(self, x: T, coefficients: Any) -> T:
        """Multiply each channel by its coefficient; surplus coefficients are unused."""

    def affine(self, x: T, scale: float, shift: float) -> T:
        """``scale · x + shift``."""

    def add(self, x: T, y: T) -> T:
        """Sum."""

    def mix(self, x: T, y: T, gate: T) -> T:
        """``(1 - gate) ⊙ x + gate ⊙ y``; the gate may be of size 1×1, or of one channel."""

    def relu(self, x: T) -> T:
        """``max(x, 0)``."""

    def leaky(self, x: T, leak: float = LEAK) -> T:
        """``max(x, leak · x)``."""

    def sigmoid(self, x: T) -> T:
        """``1 / (1 + exp(-x))``."""

    def wave(self, amplitude: T, phase: T) -> tuple[T, T]:
        """:func:`osr_core.wave.to_parts`."""

    def carry(self, keep: CarriedOver, wave: tuple[T, T], original: tuple[T, T]) -> tuple[T, T]:
        """:func:`osr_core.wave.carry`."""

    def modulus(self, real: T, imaginary: T) -> T:
        """:func:`osr_core.wave.modulus`."""

    def pi_tanh(self, x: T) -> T:
        """``π · tanh(x)``."""

    def concat(self, x: T, y: T) -> T:
        """Channels of both."""

    def split(self, x: T) -> tuple[T, T]:
        """First and second half of the channels."""

    def unshuffle(self, x: T, side: int) -> T:
        """Pixel blocks ``side × side`` become channels, ordered (channel, row, column)."""

    def shuffle(self, x: T, side: int) -> T:
        """The inverse of :meth:`unshuffle`."""

    def mean(self, x: T) -> T:
        """Mean of each channel over the whole picture, a picture of size 1×1."""

    def thumbnail(self, x: T) -> T:
        """:func:`osr_core.scene.thumbnail` of the whole picture, also where ``x`` is a window."""

    def veil(self, seen: T) -> T:
        """:func:`osr_core.scene.veil` of a thumbnail, a picture of one channel and of size 1×1."""
