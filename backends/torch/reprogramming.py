"""The method around any backbone. Twin of :mod:`backends.mindspore.reprogramming`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from backends.torch.base import Network
from backends.torch.transforms import InputTransform, OutputTransform
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

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class Reprogrammed(Network):
    """Input transform, backbone, output transform (Jiang and Han, IEEE TIP 2024)."""

    def __init__(self, backbone: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        assert spec.input_transform is not None
        assert spec.output_transform is not None
        self.spec = spec
        self.layout = spec.input_transform.layout
        self.scale = backbone_scale(spec)
        self.input_transform = InputTransform(IMAGE_CHANNELS, spec.input_transform)
        self.backbone = backbone
        self.output_transform = OutputTransform(
            spec.output_transform, spec.input_transform.channels
        )
        if spec.frozen:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self, mode: bool = True) -> Self:
        """As usual, but a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.spec.frozen:
            self.backbone.eval()
        return self

    def forward(self, image: Tensor) -> Tensor:
        real, imaginary = self.input_transform(image)  # (N, C, H, W) each
        if self.layout == "stacked":
            stack = torch.cat((real, imaginary), 1)  # (N, 2C, H, W)
            wave = self._restore(stack).chunk(2, 1)
        else:
            wave = self._restore(real), self._restore(imaginary)
        return self.output_transform(wave, image)

    def _restore(self, x: Tensor) -> Tensor:
        small = x if self.scale == 1 else functional.avg_pool2d(x, self.scale)
        result = self.backbone(small)
        shape = result.shape if isinstance(result, Tensor) else None
        check_result(type(self.backbone).__name__, x.shape, shape)
        return result


def reprogram(
    backbone: nn.Module,
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
    """Transforms around any restoration network: a module to train, to restore with, to save.

        network = reprogram(my_denoiser)
        optimizer = torch.optim.Adam(p for p in network.parameters() if p.requires_grad)
        ...
        restored = osr_core.restore(image, network)
        osr_core.Checkpoint(network.spec, network.state()).save("mine.safetensors")
        network = backends.load("mine.safetensors", backbone=my_denoiser)

    Args:
        backbone: maps float32 ``(N, C, H, W)`` to the same shape. C is ``channels`` of the input
            transform where the layout is shared (the default: 3, so RGB), and twice that where it
            is stacked. The module itself is used, not a copy. Around a plain network of this
            package the result has a spec like any other: its file is loaded without a backbone.
        input_transform: image → wave.
        output_transform: wave and image → clear image.
        frozen: the backbone keeps its weights and stays in evaluation mode; gradients pass through
            it, but are not computed for its weights. Otherwise it is trained as it would be alone:
            its ``requires_grad`` are not changed.
        seed: of the transforms' initial weights, which are the same in both backends.
        total_stride: height and width of the backbone's input must be multiples of this.
        halo: pixels to each side that can influence an output pixel of the backbone, for
            restoring in tiles; ``None``: unknown, so that images are restored whole.
        minimum: smallest height and width of the backbone's input.
        scale: how many times the backbone enlarges an image, for super-resolution. Its input is
            averaged over squares of this side first, so that the result has the size of the image;
            total stride, halo and minimum are in pixels of the image.

    Returns:
        A network from RGB in [0, 1], ``(N, 3, H, W)``, to the same shape, not clipped, on the
        backbone's device, with the children ``input_transform``, ``backbone`` and
        ``output_transform``.

    Raises:
        OptionError: if the backbone is no module; at a call, if it returns another shape.
    """
    if not isinstance(backbone, nn.Module):
        raise OptionError(f"backbone: expected a torch.nn.Module, got {type(backbone).__name__}")
    spec = spec_around(
        backbone, input_transform, output_transform,
        frozen=frozen, total_stride=total_stride, halo=halo, minimum=minimum, scale=scale,
    )  # fmt: skip
    network = Reprogrammed(backbone, spec)
    transforms = replace(spec, backbone=External())
    with torch.no_grad():
        for name, values in initial_state(transforms, seed).items():
            network.get_parameter(name).copy_(torch.from_numpy(values))
    home = next(backbone.parameters(), torch.empty(0)).device
    return network.to(home)
