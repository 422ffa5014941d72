"""What a network is: frozen dataclasses, and their JSON.

A :class:`ModelSpec` is the single source of shapes: all backends build from it, checkpoints carry
it, and :mod:`osr_core.analysis` derives the table of parameters and the receptive field from it.

Without transforms the model *is* the backbone, with its parameter names. With transforms it is the
reprogrammed model of Jiang and Han (IEEE TIP 2024): parameters are named ``input_transform.*``,
``backbone.*`` and ``output_transform.*``. The defaults of the transforms are the best of
docs/experiments.md.

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
    CHANNELS,
    Activation,
    Backbone,
    Experts,
    External,
    GridDehaze,
    Residual,
    RoutedExperts,
    UNet,
)
from osr_core.errors import SpecError
from osr_core.json_text import check_depth, parse_json
from osr_core.migration import upgrade_spec
from osr_core.settings import build
from osr_core.spec_checks import check, require

SPEC_VERSION = 3
"""Version of the JSON form; :mod:`osr_core.migration` reads versions 1 and 2."""

_DEPTH = 16
SPEC_LENGTH = 2**16
"""Longest JSON form, in characters."""

IMAGE_CHANNELS = 3
"""Networks take and return RGB."""

Layout = Literal["stacked", "shared"]
Gates = Literal["pixel", "pooled"]


@dataclass(frozen=True)
class InputTransform:
    """Image → amplitude and phase → real and imaginary part, the input of the backbone."""

    channels: int = 8
    """Channels of the amplitude, and of the phase: waves per pixel."""
    phase_kernel: int = 3
    """Kernel of the phase: 1 is a channel-FC, as in the paper; 3 sees a 3×3 neighbourhood."""
    layout: Layout = "stacked"
    """``stacked``: one pass over real and imaginary part, concatenated to 2·channels; ``shared``:
    one pass over each with the same weights, which suits a backbone that takes RGB (channels 3)."""

    def __post_init__(self) -> None:
        check("input_transform", self, channels=CHANNELS)
        kernel = self.phase_kernel
        require(kernel in (1, 3), "input_transform.phase_kernel", "1 or 3", kernel)


@dataclass(frozen=True)
class OutputTransform:
    """The two parts that the backbone returns, and the image → gates → clear image."""

    channels: int = 16
    """Channels at which wave and image are mixed."""
    gates: Gates = "pixel"
    """``pixel``: gates for every pixel; ``pooled``: one set per image, from a global mean. That is
    a global statistic, so such a model cannot restore in tiles."""
    residual: bool = True
    """Add the image to the result, so that training starts near the identity."""

    def __post_init__(self) -> None:
        check("output_transform", self, channels=CHANNELS)


@dataclass(frozen=True)
class ModelSpec:
    """A backbone, and the transforms that reprogram it, if any."""

    backbone: Backbone
    input_transform: InputTransform | None = None
    output_transform: OutputTransform | None = None
    frozen: bool = False
    """Only the weights of :attr:`adapter` learn, which must not be empty."""

    def __post_init__(self) -> None:
        check("", self)
        both = (self.input_transform is None) == (self.output_transform is None)
        expected = "given together with input_transform or not at all"
        require(both, "output_transform", expected, self.output_transform)
        given = self.reprogrammed or not isinstance(self.backbone, External)
        expected = "transforms around an external backbone"
        require(given, "input_transform", expected, self.input_transform)
        learns = bool(self.adapter) or not self.frozen
        require(learns, "frozen", "false where there is nothing else to train", self.frozen)
        experts = self.experts
        rgb = self.backbone_channels == IMAGE_CHANNELS or not (experts or self.in_file)
        expected = 'layout "shared" and channels 3 around networks that take RGB'
        require(rgb, "input_transform", expected, self.input_transform)
        parts = (self.backbone, *experts)
        contexts = [p.context for p in parts if isinstance(p, (UNet, RoutedExperts)) and p.context]
        expected = "none inside transforms, where the backbone's input is no image"
        require(not (contexts and self.reprogrammed), "backbone.context", expected, contexts)

    @property
    def reprogrammed(self) -> bool:
        """Whether there are transforms around the backbone."""
        return self.input_transform is not None

    @property
    def experts(self) -> tuple[UNet, ...]:
        """The experts of a mixture; none otherwise."""
        if isinstance(self.backbone, (Experts, RoutedExperts)):
            return self.backbone.experts
        return ()

    @property
    def makes_waves(self) -> bool:
        """Whether the backbone, or the gating network of experts, takes waves."""
        return self.reprogrammed or bool(self.experts)

    @property
    def kind(self) -> Literal["plain", "gated", "reprogrammed"]:
        """What the model is; ``gated``: experts without transforms."""
        if self.reprogrammed:
            return "reprogrammed"
        return "gated" if self.makes_waves else "plain"

    @property
    def backbone_channels(self) -> int:
        """Channels of the backbone's input, and of its output."""
        if self.input_transform is None:
            return IMAGE_CHANNELS
        parts = 2 if self.input_transform.layout == "stacked" else 1
        return parts * self.input_transform.channels

    @property
    def adapter(self) -> tuple[str, ...]:
        """Prefixes of the weights that learn in a frozen model.

        Of a reprogrammed model these are the transforms (the paper's *specifically trained*
        model), of experts the gating network, of a U-Net with context its context branch.
        """
        if self.reprogrammed:
            return ("input_transform.", "output_transform.")
        return self.backbone.adapter

    @property
    def in_file(self) -> bool:
        """Whether the backbone is in a file of another program."""
        return isinstance(self.backbone, External) and bool(self.backbone.source)

    def stores(self, name: str) -> bool:
        """Whether weight files hold the weight of that name; those of a frozen backbone that is in
        a file of its own are there only."""
        return not (self.frozen and self.in_file and name.startswith("backbone."))

    def learns(self, name: str) -> bool:
        """Whether the weight of that name learns."""
        return not self.frozen or name.startswith(self.adapter)

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
        require(isinstance(data, Mapping), "spec", "a table", data)
        try:
            check_depth(data, _DEPTH)
        except ValueError as error:
            raise SpecError(f"spec: {error}") from None
        data = upgrade_spec(data)
        version = data.pop("version", None)
        require(version == SPEC_VERSION, "version", f"1 to {SPEC_VERSION}", version)
        return build(cls, data, "", SpecError)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """The spec of a JSON text; raises :class:`SpecError`."""
        try:
            data = parse_json(text, SPEC_LENGTH)
        except ValueError as error:
            raise SpecError(f"spec: not JSON: {error}") from None
        return cls.from_dict(data)
