"""What a network *is*: frozen dataclasses, and their JSON.

A :class:`ModelSpec` is the single source of shapes. Both backends build from it, checkpoints carry
it, and :mod:`osr_core.analysis` derives from it alone the table of parameters, the cost and the
receptive field.

Two kinds of model exist. Without transforms the model *is* the backbone, with the backbone's
parameter names: the control of every experiment. With transforms it is the reprogrammed model of
Jiang and Han (IEEE TIP 2024): parameters are named ``input_transform.*``, ``backbone.*`` and
``output_transform.*``.

The defaults of the transforms are what examples/experiments.md found best: phase from 3×3, both
parts fed jointly, gates per pixel, the image added. Keeping the wave's phase or amplitude does less
harm to damage that was never seen, 1.1 to 1.3 dB in small networks that know three kinds of damage;
but it cost a larger one, that knows five, 1.1 dB on noise, and is left to be asked for.

>>> spec = ModelSpec(UNet(), InputTransform(), OutputTransform())
>>> spec == ModelSpec.from_json(spec.to_json())
True
>>> spec.backbone_channels
16
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from osr_core._spec_checks import build, check_types, mapping, require, require_range
from osr_core.errors import SpecError
from osr_core.settings import suggest

SPEC_VERSION = 2
"""Version of the JSON form. A reader takes version 1, too; it refuses any other and says so."""

_UNSAID_IN_VERSION_1: Mapping[str, Mapping[str, Any]] = {
    "input_transform": {"phase_kernel": 1},
    "output_transform": {"residual": False},
}
"""Defaults of version 1 that are others today."""

IMAGE_CHANNELS = 3
"""Networks take and give RGB."""

MAX_CHANNELS = 1024
"""Caps keep a hostile file from asking for terabytes before its tensors are looked at."""

Feed = Literal["joint", "turn"]
Gates = Literal["pixel", "pooled"]
Activation = Literal["relu", "leaky"]
PhaseRange = Literal["free", "bounded"]
Combine = Literal["parts", "amplitude"]
Keep = Literal["nothing", "amplitude", "phase"]


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

    def __post_init__(self) -> None:
        check_types("backbone", self)
        require(1 <= len(self.widths) <= 6, "backbone.widths", "1 to 6 numbers", self.widths)
        require_range("backbone.widths", 1, MAX_CHANNELS, *self.widths)
        require_range("backbone.blocks", 1, 32, self.blocks)
        require(self.unshuffle in (1, 2, 4), "backbone.unshuffle", "1, 2 or 4", self.unshuffle)


Backbone = Residual | GridDehaze | UNet

BACKBONES: Mapping[str, type[Backbone]] = {
    "residual": Residual,
    "griddehaze": GridDehaze,
    "unet": UNet,
}
"""Every backbone by its kind."""


@dataclass(frozen=True)
class InputTransform:
    """Image → amplitude and phase → real and imaginary part, which the backbone is fed."""

    channels: int = 8
    """Waves per pixel: channels of the amplitude, and of the phase."""
    phase_kernel: int = 3
    """1: phase by channel-FC, as in the paper; 3: from a 3×3 neighbourhood."""
    feed: Feed = "joint"
    """``joint``: both parts as one stack of 2·channels; ``turn``: one after the other through the
    same weights, the only way into a backbone that takes RGB (then channels must be 3)."""
    phase_range: PhaseRange = "free"
    """``free``: any angle; ``bounded``: less than half a turn to either side, by π·tanh."""

    def __post_init__(self) -> None:
        check_types("input_transform", self)
        require_range("input_transform.channels", 1, MAX_CHANNELS, self.channels)
        kernel = self.phase_kernel
        require(kernel in (1, 3), "input_transform.phase_kernel", "1 or 3", kernel)


@dataclass(frozen=True)
class OutputTransform:
    """The backbone's two parts and the image → gates → clear image."""

    channels: int = 16
    """Width at which wave and image are mixed."""
    gates: Gates = "pixel"
    """``pixel``: a gate for every pixel; ``pooled``: one per picture from its global mean, which
    is a global statistic, so that such a model cannot be tiled."""
    residual: bool = True
    """Add the image to the result, which makes the input the starting point of training."""
    keep: Keep = "nothing"
    """What of the wave the backbone may not change: its ``amplitude`` (the paper: degradation is
    translated, content stays), its ``phase``, or ``nothing``. What is kept is the input
    transform's; :func:`osr_core.wave.carry`."""
    combine: Combine = "parts"
    """What the FC over the wave sees: the real and the imaginary ``parts``, concatenated, or the
    ``amplitude`` re-estimated from both, √(x² + y²): of a kept one, which is refused, that would be
    the input transform's, and nothing of the backbone."""

    def __post_init__(self) -> None:
        check_types("output_transform", self)
        require_range("output_transform.channels", 1, MAX_CHANNELS, self.channels)
        idle = self.keep == self.combine == "amplitude"
        mend = "parts where keep is amplitude, since nothing of the backbone would be left"
        require(not idle, "output_transform.combine", mend, self.combine)


@dataclass(frozen=True)
class ModelSpec:
    """A backbone, and the transforms that reprogram it, if any."""

    backbone: Backbone
    input_transform: InputTransform | None = None
    output_transform: OutputTransform | None = None
    frozen: bool = False
    """Only the transforms learn: the paper's *specifically trained* model."""

    def __post_init__(self) -> None:
        kinds = ", ".join(BACKBONES)
        is_backbone = isinstance(self.backbone, tuple(BACKBONES.values()))
        require(is_backbone, "backbone", f"one of {kinds}", self.backbone)
        both = (self.input_transform is None) == (self.output_transform is None)
        mend = "given together with input_transform or not at all"
        require(both, "output_transform", mend, self.output_transform)
        require(isinstance(self.frozen, bool), "frozen", "true or false", self.frozen)
        learns = self.reprogrammed or not self.frozen
        require(learns, "frozen", "false where there are no transforms to train", self.frozen)

    @property
    def reprogrammed(self) -> bool:
        """Whether transforms stand around the backbone."""
        return self.input_transform is not None

    @property
    def backbone_channels(self) -> int:
        """Channels that enter the backbone and leave it."""
        if self.input_transform is None:
            return IMAGE_CHANNELS
        parts = 2 if self.input_transform.feed == "joint" else 1
        return parts * self.input_transform.channels

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain JSON values, version included."""
        data = {
            "version": SPEC_VERSION,
            "backbone": {"kind": self.backbone.kind, **asdict(self.backbone)},
            "input_transform": self.input_transform and asdict(self.input_transform),
            "output_transform": self.output_transform and asdict(self.output_transform),
            "frozen": self.frozen,
        }
        plain: dict[str, Any] = json.loads(json.dumps(data))  # lists for tuples
        return plain

    def to_json(self) -> str:
        """The spec as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: Any) -> ModelSpec:
        """The spec of plain JSON values.

        Raises:
            SpecError: if a field is missing, unknown, of the wrong type or out of range.
        """
        data = mapping("spec", data)
        version = data.pop("version", None)
        require(version in (1, SPEC_VERSION), "version", f"1 or {SPEC_VERSION}", version)
        for name, unsaid in _UNSAID_IN_VERSION_1.items() if version == 1 else ():
            if data.get(name) is not None:
                data[name] = {**unsaid, **mapping(name, data[name])}
        backbone = mapping("backbone", data.pop("backbone", None))
        kind = backbone.pop("kind", None)
        require(kind in list(BACKBONES), "backbone.kind", f"one of {', '.join(BACKBONES)}", kind)
        transforms = {
            name: None if data.get(name) is None else build(name, part, data[name])
            for name, part in _TRANSFORMS.items()
        }
        frozen = data.pop("frozen", False)
        for unknown in data.keys() - _TRANSFORMS.keys():
            near = suggest(unknown, ("backbone", *_TRANSFORMS, "frozen", "version"))
            raise SpecError(f"{unknown}: unknown field of a spec; {near}")
        return cls(build("backbone", BACKBONES[kind], backbone), frozen=frozen, **transforms)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """The spec of a JSON text; raises :class:`SpecError`."""
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise SpecError(f"spec: not JSON: {error}") from None


_TRANSFORMS: Mapping[str, type] = {
    "input_transform": InputTransform,
    "output_transform": OutputTransform,
}
