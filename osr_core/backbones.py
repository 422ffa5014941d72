"""The restoration networks that transforms can surround, as frozen dataclasses.

What each computes is in :mod:`osr_core.networks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from osr_core.spec_checks import check_types, require, require_range

MAX_CHANNELS = 1024
"""Caps keep a hostile file from asking for terabytes before its tensors are looked at."""

MAX_EXPERTS = 16
"""As above."""

Activation = Literal["relu", "leaky"]


@dataclass(frozen=True)
class Residual:
    """The authors' public baseline: 30 convolutions 3×3 at full resolution, 738,819 parameters.

    Convolution and residual blocks alternate; blocks have no bias; no global skip.
    """

    kind: ClassVar[str] = "residual"
    widths: tuple[int, ...] = (16, 64, 64, 64, 32)
    """Channels of the five stages, which hold 2, 2, 4, 2 and 2 residual blocks."""

    def __post_init__(self) -> None:
        check_types("backbone", self)
        require(len(self.widths) == 5, "backbone.widths", "five numbers", self.widths)
        require_range("backbone.widths", 1, MAX_CHANNELS, *self.widths)


@dataclass(frozen=True)
class GridDehaze:
    """GridDehazeNet (Liu et al., ICCV 2019): a grid of residual dense blocks, 0.956 M parameters.

    Rows are scales (channels double, size halves); the left half of the columns goes down, the
    right half goes up; attention coefficients weigh the two streams that meet in each cell.
    """

    kind: ClassVar[str] = "griddehaze"
    height: int = 3
    """Rows, at least 2."""
    width: int = 6
    """Columns, even, at least 4."""
    depth_rate: int = 16
    """Channels of the first row."""
    dense_layers: int = 4
    """Dense 3×3 layers in a residual dense block."""
    growth: int = 16
    """Channels that each dense layer adds."""

    def __post_init__(self) -> None:
        check_types("backbone", self)
        require(2 <= self.height <= 6, "backbone.height", "2 to 6", self.height)
        even = 4 <= self.width <= 16 and self.width % 2 == 0
        require(even, "backbone.width", "an even number from 4 to 16", self.width)
        require_range("backbone.depth_rate", 1, MAX_CHANNELS, self.depth_rate)
        require_range("backbone.dense_layers", 1, 32, self.dense_layers)
        require_range("backbone.growth", 1, MAX_CHANNELS, self.growth)


@dataclass(frozen=True)
class UNet:
    """Residual U-Net on a pixel-unshuffled image: the fast one, for daily use.

    Plain 3×3 convolutions, residual blocks without normalisation, skips by addition, and the
    input added to the output, so that a fresh network passes a picture through unchanged.
    """

    kind: ClassVar[str] = "unet"
    widths: tuple[int, ...] = (48, 64, 96)
    """Channels of each level, finest first; each level halves the size."""
    blocks: int = 2
    """Residual blocks of two convolutions per level, on the way down and again on the way up."""
    unshuffle: int = 2
    """Side of the pixel block that becomes channels at the door; 1 works at full resolution."""
    activation: Activation = "relu"
    """``leaky`` lets a fifth of what is negative pass: no unit can die of a large step, as units of
    ``relu`` do here, without normalisation, most of all in the lower levels."""
    scene: tuple[int, ...] = ()
    """Channels of the convolutions of stride 2 through which the network looks at a thumbnail of
    the whole picture, to decide how much of its change is needed and which colour the haze has that
    it begins by taking away (:func:`osr_core.scene.veil`); none: all of its change is needed,
    everywhere, and it begins with the picture. For degradation that is a property of a scene, as haze
    is."""

    def __post_init__(self) -> None:
        check_types("backbone", self)
        require(1 <= len(self.widths) <= 6, "backbone.widths", "1 to 6 numbers", self.widths)
        require_range("backbone.widths", 1, MAX_CHANNELS, *self.widths)
        require_range("backbone.blocks", 1, 32, self.blocks)
        require(self.unshuffle in (1, 2, 4), "backbone.unshuffle", "1, 2 or 4", self.unshuffle)
        require(len(self.scene) <= 6, "backbone.scene", "up to 6 numbers", self.scene)
        for width in self.scene:
            require_range("backbone.scene", 1, MAX_CHANNELS, width)


@dataclass(frozen=True)
class Experts:
    """Specialists side by side; gates say, pixel by pixel, how much of each one's work is taken.

    The gates of the paper weigh one network's work against the image. Here they weigh that of
    several: they read waves of the image and of what each specialist would change, through a U-Net
    of their own. So what one does to rain need not reach a picture without. In a frozen model only
    the gates learn.
    """

    kind: ClassVar[str] = "experts"
    experts: tuple[UNet, ...] = (UNet(), UNet())
    """The specialists."""
    gate: UNet = UNet((24, 32, 48), 1, 4)
    """What the waves go through on their way to the gates: coarse and cheap."""
    waves: int = 8
    """Waves per pixel that the gates read."""

    def __post_init__(self) -> None:
        check_types("backbone", self)
        count = len(self.experts)
        require(1 <= count <= MAX_EXPERTS, "backbone.experts", f"1 to {MAX_EXPERTS} of them", count)
        require_range("backbone.waves", 1, MAX_CHANNELS, self.waves)
        mend = "none: gates read waves, and a scene is a picture"
        require(not self.gate.scene, "backbone.gate.scene", mend, self.gate.scene)


Backbone = Residual | GridDehaze | UNet | Experts

BACKBONES: Mapping[str, type[Backbone]] = {
    "residual": Residual,
    "griddehaze": GridDehaze,
    "unet": UNet,
    "experts": Experts,
}
"""Every backbone by its kind."""
