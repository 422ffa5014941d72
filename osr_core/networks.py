"""Every network, written once, as a function of an image and a set of operations.

With :class:`osr_core.reference.NumpyOps` these functions compute what a spec means, slowly and
obviously: the reference that all backends are tested against. With
:class:`osr_core.analysis.Tracer` they compute shapes, cost and receptive field only, and with
:class:`backends.onnx.emitter.Emitter` they make an ONNX graph. The layers of the PyTorch and of the
MindSpore backend mirror these lines.

Parts of networks are in :mod:`osr_core.transforms`, :mod:`osr_core.unet` and
:mod:`osr_core.mixtures`. A new backbone is a dataclass in :mod:`osr_core.backbones`, a function
with its row in :data:`BACKBONE_FUNCTIONS`, and in both backends a class with its row in
``BACKBONES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from osr_core.backbones import RESIDUAL_STAGES
from osr_core.mixtures import experts, routed_experts
from osr_core.operations import Ops, T
from osr_core.spec import External, GridDehaze, ModelSpec, Residual
from osr_core.transforms import input_transform, output_transform
from osr_core.unet import residual_block, unet


def network(ops: Ops[T], spec: ModelSpec, image: T) -> T:
    """The model of a spec: RGB in [0, 1], ``(N, 3, H, W)``, to the same shape, not clipped."""
    backbone = BACKBONE_FUNCTIONS[spec.backbone.kind]
    channels = spec.backbone_channels
    if spec.input_transform is None or spec.output_transform is None:
        return backbone(ops, spec.backbone, "", image, channels)
    real, imaginary = input_transform(ops, spec.input_transform, image)
    if spec.input_transform.layout == "stacked":
        stack = ops.concat(real, imaginary)  # (N, 2C, H, W)
        wave = ops.split(backbone(ops, spec.backbone, "backbone.", stack, channels))
    else:
        wave = (
            backbone(ops, spec.backbone, "backbone.", real, channels),
            backbone(ops, spec.backbone, "backbone.", imaginary, channels),
        )
    return output_transform(ops, spec.output_transform, wave, image)


def residual(ops: Ops[T], spec: Residual, prefix: str, image: T, channels: int) -> T:
    """The authors' public baseline."""
    x = ops.affine(image, 2.0, -1.0)
    for width, (name, blocks) in zip(spec.widths, RESIDUAL_STAGES, strict=True):
        x = ops.conv(prefix + name, x, width, init="lecun")
        for index in blocks:
            x = residual_block(ops, f"{prefix}res_{index}", x, width, bias=False)
    return ops.conv(f"{prefix}conv_out_3", x, channels, init="lecun")


def griddehaze(ops: Ops[T], spec: GridDehaze, prefix: str, image: T, channels: int) -> T:
    """GridDehazeNet: left columns downsample, right columns upsample; streams meet in each cell."""
    half = spec.width // 2
    top = spec.depth_rate * 2 ** (spec.height - 1)
    coefficient = ops.coefficients(f"{prefix}coefficient", (spec.height, spec.width, 2, top))

    def along(row: int, column: int, x: T) -> T:
        return _dense_block(ops, spec, f"{prefix}rdb_module.{row}_{column}", x, width(row))

    def down(row: int, column: int, x: T) -> T:
        name = f"{prefix}downsample_module.{row}_{column}"
        x = ops.relu(ops.conv(f"{name}.conv1", x, width(row), stride=2, init="lecun"))
        return ops.relu(ops.conv(f"{name}.conv2", x, width(row + 1), init="lecun"))

    def up(row: int, column: int, x: T) -> T:
        name = f"{prefix}upsample_module.{row}_{column}"
        x = ops.relu(ops.deconv(f"{name}.deconv", x))
        return ops.relu(ops.conv(f"{name}.conv", x, width(row), init="lecun"))

    def width(row: int) -> int:
        return spec.depth_rate * 2**row

    def meet(row: int, column: int, x: T, y: T) -> T:
        weights = coefficient[row, column]
        return ops.add(ops.scale(x, weights[0]), ops.scale(y, weights[1]))

    x = ops.conv(f"{prefix}conv_in", ops.affine(image, 2.0, -1.0), spec.depth_rate, init="lecun")
    x = _dense_block(ops, spec, f"{prefix}rdb_in", x, spec.depth_rate)
    column: list[T] = [x]
    for row in range(1, spec.height):
        column.append(down(row - 1, 0, column[row - 1]))
    for j in range(1, half):
        column[0] = along(0, j - 1, column[0])
        for row in range(1, spec.height):
            column[row] = meet(
                row, j, along(row, j - 1, column[row]), down(row - 1, j, column[row - 1])
            )
    for j in range(half, spec.width):
        last = spec.height - 1
        column[last] = along(last, j - 1, column[last])
        for row in reversed(range(last)):
            column[row] = meet(row, j, along(row, j - 1, column[row]), up(row, j, column[row + 1]))
    x = _dense_block(ops, spec, f"{prefix}rdb_out", column[0], spec.depth_rate)
    return ops.relu(ops.conv(f"{prefix}conv_out", x, channels, init="small"))


def external(ops: Ops[T], spec: External, prefix: str, image: T, channels: int) -> T:
    """A network that is not described here."""
    return ops.external(spec, image)


def _dense_block(ops: Ops[T], spec: GridDehaze, name: str, x: T, width: int) -> T:
    """Each layer takes the output of all before it; then a 1×1 convolution and a skip."""
    y = x
    for index in range(spec.dense_layers):
        layer = f"{name}.residual_dense_layers.{index}.conv"
        y = ops.concat(y, ops.relu(ops.conv(layer, y, spec.growth, init="lecun")))
    return ops.add(ops.conv(f"{name}.conv_1x1", y, width, 1, init="small"), x)


BACKBONE_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "residual": residual,
    "griddehaze": griddehaze,
    "unet": unet,
    "experts": experts,
    "routed_experts": routed_experts,
    "external": external,
}
"""The function of each backbone: ``(ops, spec, name prefix, x, channels) → x``."""
