"""The method around any backbone. Twin of :mod:`backends.torch.reprogramming`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mindspore import Tensor, nn, ops

from backends.mindspore.base import Network
from backends.mindspore.transforms import InputTransform, OutputTransform
from osr_core import spec as specs
from osr_core.errors import OptionError
from osr_core.initial import initial_state
from osr_core.reprogramming import (
    DEFAULT_INPUT,
    DEFAULT_OUTPUT,
    backbone_scale,
    check_result,
    spec_around,
)
from osr_core.spec import IMAGE_CHANNELS, External, ModelSpec

_check_result: Any = ops.constexpr(check_result)  # a graph does it when it is compiled


class Reprogrammed(Network):
    """Input transform, backbone, output transform (Jiang and Han, IEEE TIP 2024)."""

    def __init__(self, backbone: nn.Cell, spec: ModelSpec) -> None:
        super().__init__()
        assert spec.input_transform is not None
        assert spec.output_transform is not None
        self.spec = spec
        self.layout = spec.input_transform.layout
        self.scale = backbone_scale(spec)
        self.input_transform = InputTransform(IMAGE_CHANNELS, spec.input_transform)
        self.backbone = backbone
        self.backbone_name = type(backbone).__name__
        self.output_transform = OutputTransform(
            spec.output_transform, spec.input_transform.channels
        )
        if spec.frozen:
            self.backbone.set_train(False)
            for weight in self.backbone.get_parameters():
                weight.requires_grad = False

    def add_flags_recursive(self, **flags: Any) -> Reprogrammed:
        """As usual, but a frozen backbone stays in evaluation mode."""
        # Not set_train() as in PyTorch: that of a cell around this one calls this only.
        super().add_flags_recursive(**flags)
        if "training" in flags and "backbone" in self._cells and self.spec.frozen:
            self.backbone.set_train(False)
        return self

    def construct(self, image: Tensor) -> Tensor:
        real, imaginary = self.input_transform(image)  # (N, C, H, W) each
        if self.layout == "stacked":
            stack = ops.cat((real, imaginary), 1)  # (N, 2C, H, W)
            wave = self._restore(stack).chunk(2, 1)
        else:
            wave = self._restore(real), self._restore(imaginary)
        return self.output_transform(wave, image)

    def _restore(self, x: Tensor) -> Tensor:
        small = x if self.scale == 1 else ops.avg_pool2d(x, self.scale, self.scale)
        result = self.backbone(small)
        shape = result.shape if isinstance(result, Tensor) else None
        _check_result(self.backbone_name, x.shape, shape)
        return result


def reprogram(
    backbone: nn.Cell,
    input_transform: specs.InputTransform = DEFAULT_INPUT,
    output_transform: specs.OutputTransform = DEFAULT_OUTPUT,
    *,
    frozen: bool = True,
    seed: int = 0,
    total_stride: int = 1,
    halo: int | None = None,
    minimum: int = 1,
    scale: int = 1,
) -> Reprogrammed:
    """As :func:`backends.torch.reprogramming.reprogram`, around a cell.

        network = reprogram(my_denoiser)
        optimizer = nn.Adam(network.trainable_params())

    The names of the backbone's parameters start with ``backbone.`` from then on.
    """
    if not isinstance(backbone, nn.Cell):
        raise OptionError(f"backbone: expected a mindspore.nn.Cell, got {type(backbone).__name__}")
    spec = spec_around(
        backbone, input_transform, output_transform,
        frozen=frozen, total_stride=total_stride, halo=halo, minimum=minimum, scale=scale,
    )  # fmt: skip
    network = Reprogrammed(backbone, spec)
    transforms = replace(spec, backbone=External())
    weights = network.parameters_dict()
    for name, values in initial_state(transforms, seed).items():
        weights[name].set_data(Tensor(values))
    return network
