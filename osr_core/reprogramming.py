"""Reprogramming of any network: what both backends agree on."""

from __future__ import annotations

from dataclasses import replace

from osr_core.analysis import analyse
from osr_core.errors import ModelError, OptionError
from osr_core.settings import require
from osr_core.spec import External, InputTransform, ModelSpec, OutputTransform

DEFAULT_INPUT = InputTransform(3, layout="shared")
"""Three waves per pixel: real and imaginary part have three channels each, as RGB has."""

DEFAULT_OUTPUT = OutputTransform()
"""Residual, since a network that was never trained on waves returns no image."""


def spec_around(
    backbone: object,
    inputs: InputTransform,
    outputs: OutputTransform,
    *,
    frozen: bool,
    total_stride: int,
    halo: int | None,
    minimum: int,
    scale: int,
) -> ModelSpec:
    """The spec of a reprogrammed network: external, unless the backbone was built from a spec.

    Raises:
        OptionError: if such a backbone has another number of channels than the wave.
    """
    known = getattr(backbone, "spec", None)
    external = External(type(backbone).__name__, total_stride, halo, minimum, scale)
    result = ModelSpec(external, inputs, outputs, frozen=frozen)
    if not isinstance(known, ModelSpec) or known.reprogrammed or analyse(known).context_channels:
        return result
    channels, wave = known.backbone_channels, result.backbone_channels
    require(channels == wave, "input_transform", f"{channels} channels, as the backbone has", wave)
    return replace(result, backbone=known.backbone)


def check_backbone(spec: ModelSpec, backbone: object) -> None:
    """Raise :class:`ModelError` unless a backbone is given just where it is external."""
    if isinstance(spec.backbone, External) and backbone is None:
        if spec.backbone.source:
            raise ModelError(
                f"the model reprograms {spec.backbone.source}, which PyTorch runs; load it by "
                "osr.load_network(model), export it with --to torch"
            )
        raise ModelError(
            f"the model reprograms a network of its author's, {spec.backbone.name}; give it from "
            "Python: backends.load(model, backbone=network)"
        )
    if backbone is not None and not isinstance(spec.backbone, External):
        raise ModelError(f"the model has a backbone of its own, {spec.backbone.kind}; give none")


def backbone_scale(spec: ModelSpec) -> int:
    """How many times the backbone enlarges what it is given."""
    return spec.backbone.scale if isinstance(spec.backbone, External) else 1


def check_result(name: str, given: tuple[int, ...], returned: tuple[int, ...] | None) -> None:
    """Raise :class:`OptionError` unless a backbone, by the name of its class, kept the shape.

    ``returned`` is ``None`` if it returned no tensor.
    """
    if returned is None or tuple(returned) != tuple(given):
        what = "no tensor" if returned is None else tuple(returned)
        raise OptionError(
            f"backbone {name}: returned {what} for {tuple(given)}; it must return one tensor of "
            "the shape of its input"
        )
