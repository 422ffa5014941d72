"""The restoration networks that can be reprogrammed, as frozen dataclasses.

What each computes is in :mod:`osr_core.networks`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from osr_core.spec_checks import check, require

# Bounds, so that a hostile file cannot ask for terabytes.
CHANNELS = 1, 1024
BLOCKS = 1, 32
MAX_EXPERTS = 16
CELLS = tuple(2**n for n in range(3, 9))

RESIDUAL_STAGES = (
    ("conv_input_3", range(1, 3)),
    ("conv_up_1", range(3, 5)),
    ("conv_up_2", range(5, 9)),
    ("conv_down_1", range(9, 11)),
    ("conv_down_2", range(11, 13)),
)
"""Of each stage, the authors' name of its convolution and numbers of the blocks after it."""

Activation = Literal["relu", "leaky"]


@dataclass(frozen=True)
class Residual:
    """The authors' public baseline: 30 convolutions 3×3 at full resolution, 738,819 parameters.

    Convolution and residual blocks alternate; blocks have no bias; no global skip.
    """

    kind: ClassVar[str] = "residual"
    adapter: ClassVar[tuple[str, ...]] = ()
    widths: tuple[int, ...] = (16, 64, 64, 64, 32)
    """Channels of the stages of :data:`RESIDUAL_STAGES`."""

    def __post_init__(self) -> None:
        check("backbone", self, widths=CHANNELS)
        require(len(self.widths) == 5, "backbone.widths", "five numbers", self.widths)


@dataclass(frozen=True)
class GridDehaze:
    """GridDehazeNet (Liu et al., ICCV 2019): a grid of residual dense blocks, 0.956 M parameters.

    Rows are scales (channels double, size halves); the left half of the columns downsamples, the
    right half upsamples; attention coefficients weight the two streams that meet in each cell.
    """

    kind: ClassVar[str] = "griddehaze"
    adapter: ClassVar[tuple[str, ...]] = ()
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
        check(
            "backbone", self,
            height=(2, 6), depth_rate=CHANNELS, dense_layers=BLOCKS, growth=CHANNELS,
        )  # fmt: skip
        even = 4 <= self.width <= 16 and self.width % 2 == 0
        require(even, "backbone.width", "an even number from 4 to 16", self.width)


@dataclass(frozen=True)
class UNet:
    """Residual U-Net on a pixel-unshuffled image: the fast one.

    Residual blocks without normalisation, skips by addition, and the input added to the output,
    so that a fresh network is close to the identity.
    """

    kind: ClassVar[str] = "unet"
    widths: tuple[int, ...] = (48, 64, 96)
    """Channels of each level, finest first; each level halves the size."""
    blocks: int = 2
    """Residual blocks per level, of two convolutions each, in the encoder and in the decoder."""
    unshuffle: int = 2
    """Side of the pixel blocks that become channels of the input; 1 is full resolution."""
    activation: Activation = "relu"
    """``leaky`` has a negative slope of 0.2, so that no unit can die of a large step."""
    context: tuple[int, ...] = ()
    """Channels of the strided convolutions of the context branch; none: no such branch. From a
    thumbnail of the whole image it predicts one gate for the network's residual, and the airlight
    of an even haze that is removed before the first layer (:mod:`osr_core.context`)."""

    @property
    def adapter(self) -> tuple[str, ...]:
        """Prefixes of the weights that learn in a frozen model: those of the context branch."""
        return ("context.", "context_") if self.context else ()

    def __post_init__(self) -> None:
        check("backbone", self, widths=CHANNELS, blocks=BLOCKS, context=CHANNELS)
        require(1 <= len(self.widths) <= 6, "backbone.widths", "1 to 6 numbers", self.widths)
        require(self.unshuffle in (1, 2, 4), "backbone.unshuffle", "1, 2 or 4", self.unshuffle)
        require(len(self.context) <= 6, "backbone.context", "up to 6 numbers", self.context)


@dataclass(frozen=True)
class Experts:
    """Mixture of experts: task-specific U-Nets whose residuals are weighted pixel by pixel.

    A gating network reads waves of the image and of each expert's residual.
    """

    kind: ClassVar[str] = "experts"
    adapter: ClassVar[tuple[str, ...]] = ("wave.", "gate.", "gates.")
    """Prefixes of the weights that learn in a frozen model: those of the gating network."""
    experts: tuple[UNet, ...] = (UNet(), UNet())
    """The task-specific networks."""
    gate: UNet = UNet((24, 32, 48), 1, 4)
    """The gating network: coarse and cheap."""
    waves: int = 8
    """Waves per pixel that it reads."""

    def __post_init__(self) -> None:
        check("backbone", self, waves=CHANNELS)
        count = len(self.experts)
        require(1 <= count <= MAX_EXPERTS, "backbone.experts", f"1 to {MAX_EXPERTS} of them", count)
        expected = "none, since the gating network's input is no image"
        require(not self.gate.context, "backbone.gate.context", expected, self.gate.context)


@dataclass(frozen=True)
class RoutedExperts:
    """Sparse mixture of experts, gated twice.

    A router reads waves and JPEG's traces of patches of the image, and its thumbnail, and decides
    for the whole image which experts run. How strongly each of those changes the image, in cells,
    decides on the gates of each cell.
    """

    kind: ClassVar[str] = "routed_experts"
    adapter: ClassVar[tuple[str, ...]] = ("wave.", "router", "context.", "routes.", "gate")
    """Prefixes of the weights that learn in a frozen model: those of the router and the gates."""
    experts: tuple[UNet, ...] = (UNet(), UNet())
    """The task-specific networks."""
    router: tuple[int, ...] = (16, 24, 32, 48, 64)
    """Channels of the router's strided convolutions on patches, with a residual block each."""
    context: tuple[int, ...] = (16, 32, 32, 32)
    """Channels of the router's strided convolutions on the thumbnail."""
    waves: int = 8
    """Waves per pixel that the router reads."""
    width: int = 64
    """Channels of the layers that combine features."""
    cell: int = 64
    """Side in pixels of the cells, each of which has one gate per expert."""

    def __post_init__(self) -> None:
        check("backbone", self, router=CHANNELS, context=CHANNELS, waves=CHANNELS, width=CHANNELS)
        count = len(self.experts)
        require(1 <= count <= MAX_EXPERTS, "backbone.experts", f"1 to {MAX_EXPERTS} of them", count)
        for name, widths in (("router", self.router), ("context", self.context)):
            require(1 <= len(widths) <= 6, f"backbone.{name}", "1 to 6 numbers", widths)
        require(self.cell in CELLS, "backbone.cell", "a power of 2 from 8 to 256", self.cell)


@dataclass(frozen=True)
class External:
    """A network that no spec describes: of your own, given from Python, or in a file of another
    program."""

    kind: ClassVar[str] = "external"
    adapter: ClassVar[tuple[str, ...]] = ()
    name: str = ""
    """Of its class or architecture."""
    total_stride: int = 1
    """Height and width of its input must be multiples of this."""
    halo: int | None = None
    """Pixels to each side that can influence an output pixel; ``None``: unknown."""
    minimum: int = 1
    """Smallest height and width of its input."""
    scale: int = 1
    """How many times it enlarges an image. Its input is averaged over squares of this side before,
    so that it returns the size of the image; stride, halo and minimum are pixels of the image."""
    source: str = ""
    """``spandrel:FILE``, where it is in a file of its own; see :mod:`weights.external`."""
    sha256: str = ""
    """Of that file."""

    def __post_init__(self) -> None:
        check("backbone", self, total_stride=CHANNELS, minimum=(1, 4096), scale=(1, 16))
        require(self.halo is None or self.halo >= 0, "backbone.halo", "0 or more", self.halo)
        fits = self.total_stride % self.scale == 0
        expected = "a multiple of backbone.scale"
        require(fits, "backbone.total_stride", expected, self.total_stride)
        named = re.fullmatch(r"(spandrel:.{1,4000})?", self.source) is not None
        require(named, "backbone.source", "spandrel:FILE", self.source)
        hashed = re.fullmatch(r"[0-9a-f]{64}" if self.source else "", self.sha256) is not None
        require(hashed, "backbone.sha256", "that of backbone.source", self.sha256)


Backbone = Residual | GridDehaze | UNet | Experts | RoutedExperts | External

BACKBONES = {
    "residual": Residual,
    "griddehaze": GridDehaze,
    "unet": UNet,
    "experts": Experts,
    "routed_experts": RoutedExperts,
}
"""Every backbone that can be built, by its kind."""
