"""The method around any backbone. Twin of :mod:`backends.mindspore.reprogramming`.

The networks of a spec are built on it, and so is :func:`reprogram` for modules of your own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from backends.torch.transforms import InputTransform, OutputTransform
from osr_core import spec as specs
from osr_core.errors import OptionError
from osr_core.initial import initial_transforms
from osr_core.reprogramming import DEFAULT_INPUT, DEFAULT_OUTPUT, check_result
from osr_core.spec import IMAGE_CHANNELS

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class Reprogramming(nn.Module):
    """Input transform, backbone, output transform (Jiang and Han, IEEE TIP 2024)."""

    layout: specs.Layout
    frozen = False

    def surround(
        self,
        backbone: nn.Module,
        input_transform: specs.InputTransform,
        output_transform: specs.OutputTransform,
        *,
        frozen: bool,
    ) -> None:
        """Put the transforms around the backbone."""
        self.layout = input_transform.layout
        self.input_transform = InputTransform(IMAGE_CHANNELS, input_transform)
        self.backbone = backbone
        self.backbone_name = type(backbone).__name__
        self.output_transform = OutputTransform(output_transform, input_transform.channels)
        self.frozen = frozen
        if frozen:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self, mode: bool = True) -> Self:
        """As usual, but for a frozen backbone: its batch statistics and dropout stay at rest."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, image: Tensor) -> Tensor:
        """``(N, 3, H, W)`` → the same shape."""
        real, imaginary = self.input_transform(image)
        if self.layout == "stacked":
            wave = self.run_backbone(torch.cat((real, imaginary), 1)).chunk(2, 1)
        else:
            wave = (self.run_backbone(real), self.run_backbone(imaginary))
        return self.output_transform(wave, image)

    def run_backbone(self, part: Tensor) -> Tensor:
        """What the backbone makes of a part of the wave, or of both."""
        return self.backbone(part)


class Foreign(Reprogramming):
    """Around a backbone that this package has not built: what it returns is looked at."""

    def run_backbone(self, part: Tensor) -> Tensor:
        """As in :class:`Reprogramming`; OptionError unless the shape stays."""
        result = self.backbone(part)
        shape = result.shape if isinstance(result, Tensor) else None
        check_result(self.backbone_name, part.shape, shape)
        return result


def reprogram(
    backbone: nn.Module,
    input_transform: specs.InputTransform = DEFAULT_INPUT,
    output_transform: specs.OutputTransform = DEFAULT_OUTPUT,
    *,
    frozen: bool = True,
    seed: int = 0,
) -> Foreign:
    """Any restoration network, reprogrammed: an ordinary module for your own loop.

        network = reprogram(my_denoiser)
        optimizer = torch.optim.Adam(p for p in network.parameters() if p.requires_grad)

    Args:
        backbone: maps float32 ``(N, C, H, W)`` to the same shape. C is ``channels`` of the input
            transform where both parts are fed in turn (3, so RGB, if not told otherwise), and
            ``2·channels`` where they are fed jointly. It is taken in itself, not a copy of it.
        input_transform: image → wave.
        output_transform: wave and image → clear image.
        frozen: the backbone keeps its weights, to the bit, and is in evaluation mode for good:
            no gradient is computed for its weights, though gradients pass through it. Otherwise
            it learns what it would have learnt alone: ``requires_grad`` is left as it is.
        seed: of the transforms' initial weights, which are the same in both backends.

    Returns:
        A module from RGB in [0, 1], ``(N, 3, H, W)``, to the same shape, not clipped, on the
        backbone's device, with the children ``input_transform``, ``backbone`` and
        ``output_transform``. Height and width must be what the backbone can take.

    Raises:
        OptionError: if the backbone is no module; at a call, if it returns another shape.
    """
    if not isinstance(backbone, nn.Module):
        raise OptionError(f"backbone: expected a torch.nn.Module, got {type(backbone).__name__}")
    module = Foreign()
    module.surround(backbone, input_transform, output_transform, frozen=frozen)
    with torch.no_grad():
        for name, values in initial_transforms(input_transform, output_transform, seed).items():
            module.get_parameter(name).copy_(torch.from_numpy(values))
    home = next(backbone.parameters(), torch.empty(0)).device
    return module.to(home)
