"""What a network *is*: frozen dataclasses, and their JSON.

A :class:`ModelSpec` is the single source of shapes. Both backends build from it, checkpoints carry
it, and :mod:`osr_core.analysis` derives from it alone the table of parameters, the cost and the
receptive field.

Two kinds of model exist. Without transforms the model *is* the backbone, with the backbone's
parameter names: the control of every experiment. With transforms it is the reprogrammed model of
Jiang and Han (IEEE TIP 2024): parameters are named ``input_transform.*``, ``backbone.*`` and
``output_transform.*``. The gates of :class:`Experts` read waves without transforms around them.

The defaults of the transforms are what docs/experiments.md found best: phase from 3×3, both
parts fed jointly, gates per pixel, the image added. Keeping the wave's phase or amplitude does less
harm to degradation that was never seen, 1.1 to 1.3 dB in small networks that know three kinds of degradation;
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
from typing import Any, Literal

from osr_core.backbones import (
    BACKBONES,
    MAX_CHANNELS,
    Activation,
    Backbone,
    Experts,
    GridDehaze,
    Residual,
    UNet,
)
from osr_core.errors import SpecError
from osr_core.settings import suggest
from osr_core.spec_checks import build, check_types, mapping, require, require_range

__all__ = [
    "BACKBONES",
    "IMAGE_CHANNELS",
    "MAX_CHANNELS",
    "SPEC_VERSION",
    "Activation",
    "Backbone",
    "Combine",
    "Experts",
    "Feed",
    "Gates",
    "GridDehaze",
    "InputTransform",
    "Keep",
    "ModelSpec",
    "OutputTransform",
    "PhaseRange",
    "Residual",
    "UNet",
]

SPEC_VERSION = 2
"""Version of the JSON form. A reader takes version 1, too; it refuses any other and says so."""

_UNSAID_IN_VERSION_1: Mapping[str, Mapping[str, Any]] = {
    "input_transform": {"phase_kernel": 1},
    "output_transform": {"residual": False},
}
"""Defaults of version 1 that are others today."""

IMAGE_CHANNELS = 3
"""Networks take and give RGB."""

Feed = Literal["joint", "turn"]
Gates = Literal["pixel", "pooled"]
PhaseRange = Literal["free", "bounded"]
Combine = Literal["parts", "amplitude"]
Keep = Literal["nothing", "amplitude", "phase"]


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
    """Only the transforms learn: the paper's *specifically trained* model. Of :class:`Experts`
    without transforms only the gates learn, and what reads the wave for them; of a :class:`UNet`
    that sees the scene, only what looks at it."""

    def __post_init__(self) -> None:
        kinds = ", ".join(BACKBONES)
        is_backbone = isinstance(self.backbone, tuple(BACKBONES.values()))
        require(is_backbone, "backbone", f"one of {kinds}", self.backbone)
        both = (self.input_transform is None) == (self.output_transform is None)
        mend = "given together with input_transform or not at all"
        require(both, "output_transform", mend, self.output_transform)
        require(isinstance(self.frozen, bool), "frozen", "true or false", self.frozen)
        gated = isinstance(self.backbone, Experts)
        seeing = isinstance(self.backbone, UNet) and self.backbone.scene
        learns = self.reprogrammed or gated or seeing or not self.frozen
        require(bool(learns), "frozen", "false where there is nothing else to train", self.frozen)
        rgb = self.backbone_channels == IMAGE_CHANNELS or not gated
        mend = 'feed "turn" and channels 3 around experts, which take RGB'
        require(rgb, "input_transform", mend, self.input_transform)
        unets = self.backbone.experts if isinstance(self.backbone, Experts) else (self.backbone,)
        scenes = [unet.scene for unet in unets if isinstance(unet, UNet) and unet.scene]
        mend = "none inside transforms, where there are waves instead of the picture"
        require(not (scenes and self.reprogrammed), "backbone.scene", mend, scenes)

    @property
    def reprogrammed(self) -> bool:
        """Whether transforms stand around the backbone."""
        return self.input_transform is not None

    @property
    def makes_waves(self) -> bool:
        """Whether the image becomes waves, for a backbone or for the gates of experts."""
        return self.reprogrammed or isinstance(self.backbone, Experts)

    @property
    def kind(self) -> Literal["plain", "gated", "reprogrammed"]:
        """What the model is; ``gated``: experts without transforms."""
        if self.reprogrammed:
            return "reprogrammed"
        return "gated" if self.makes_waves else "plain"

    @property
    def backbone_channels(self) -> int:
        """Channels that enter the backbone and leave it."""
        if self.input_transform is None:
            return IMAGE_CHANNELS
        parts = 2 if self.input_transform.feed == "joint" else 1
        return parts * self.input_transform.channels

    def learns(self, name: str) -> bool:
        """Whether the weight of that name learns."""
        if not self.frozen:
            return True
        if self.reprogrammed:
            return not name.startswith("backbone.")
        if isinstance(self.backbone, Experts):
            return not name.startswith("experts.")
        return name.startswith("scene")

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
