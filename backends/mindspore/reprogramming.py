"""The method around any backbone. Twin of :mod:`backends.torch.reprogramming`.

The networks of a spec are built on it, and so is :func:`reprogram` for cells of your own.
"""

from __future__ import annotations

from typing import Any

from mindspore import Tensor, nn, ops

from backends.mindspore.transforms import InputTransform, OutputTransform
from osr_core import spec as specs
from osr_core.errors import OptionError
from osr_core.initial import initial_transforms
from osr_core.reprogramming import DEFAULT_INPUT, DEFAULT_OUTPUT, check_result
from osr_core.spec import IMAGE_CHANNELS


class Reprogramming(nn.Cell):
    """Input transform, backbone, output transform (Jiang and Han, IEEE TIP 2024)."""

    layout: specs.Layout
    frozen = False

    def surround(
        self,
        backbone: nn.Cell,
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
            self.backbone.set_train(False)
            for weight in self.backbone.get_parameters():
                weight.requires_grad = False

    def add_flags_recursive(self, **flags: Any) -> Reprogramming:
        """As usual, but for a frozen backbone: its batch statistics and dropout stay at rest."""
        # Not set_train() as in PyTorch: that of a cell around this one comes by here only.
        super().add_flags_recursive(**flags)
        if self.frozen and "training" in flags:
            self.backbone.set_train(False)
        return self

    def construct(self, image: Tensor) -> Tensor:
        """``(N, 3, H, W)`` → the same shape."""
        real, imaginary = self.input_transform(image)
        if self.layout == "stacked":
            wave = self.run_backbone(ops.cat((real, imaginary), 1)).chunk(2, 1)
        else:
            wave = (self.run_backbone(real), self.run_backbone(imaginary))
        return self.output_transform(wave, image)

    def run_backbone(self, part: Tensor) -> Tensor:
        """What the backbone makes of a part of the wave, or of both."""
        return self.backbone(part)


_check_result: Any = ops.constexpr(check_result)  # a graph does it when it is compiled


class Foreign(Reprogramming):
    """Around a backbone that this package has not built: what it returns is looked at."""

    def run_backbone(self, part: Tensor) -> Tensor:
        """As in :class:`Reprogramming`; OptionError unless the shape stays."""
        result = self.backbone(part)
        shape = result.shape if isinstance(result, Tensor) else None
        _check_result(self.backbone_name, part.shape, shape)
        return result


def reprogram(
    backbone: nn.Cell,
    input_transform: specs.InputTransform = DEFAULT_INPUT,
    output_transform: specs.OutputTransform = DEFAULT_OUTPUT,
    *,
    frozen: bool = True,
    seed: int = 0,
) -> Foreign:
    """Any restoration network, reprogrammed: an ordinary cell for your own loop.

        network = reprogram(my_denoiser)
        optimizer = nn.Adam(network.trainable_params())

    Args:
        backbone: maps float32 ``(N, C, H, W)`` to the same shape. C is ``channels`` of the input
            transform where both parts are fed in turn (3, so RGB, if not told otherwise), and
            ``2·channels`` where they are fed jointly. It is taken in itself, not a copy of it,
            and the names of its parameters now start with ``backbone.``.
        input_transform: image → wave.
        output_transform: wave and image → clear image.
        frozen: the backbone keeps its weights, to the bit, and is in evaluation mode for good:
            no gradient is computed for its weights, though gradients pass through it. Otherwise
            it learns what it would have learnt alone: ``requires_grad`` is left as it is.
        seed: of the transforms' initial weights, which are the same in both backends.

    Returns:
        A cell from RGB in [0, 1], ``(N, 3, H, W)``, to the same shape, not clipped, with the
        children ``input_transform``, ``backbone`` and ``output_transform``. Height and width must
        be what the backbone can take.

    Raises:
        OptionError: if the backbone is no cell; at a call, if it returns another shape.
    """
    if not isinstance(backbone, nn.Cell):
        raise OptionError(f"backbone: expected a mindspore.nn.Cell, got {type(backbone).__name__}")
    cell = Foreign()
    cell.surround(backbone, input_transform, output_transform, frozen=frozen)
    weights = cell.parameters_dict()
    for name, values in initial_transforms(input_transform, output_transform, seed).items():
        weights[name].set_data(Tensor(values))
    return cell
