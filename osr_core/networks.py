"""Every network, written once, as a function of an image and a set of operations.

With :class:`osr_core.reference.NumpyOps` these functions compute what a spec means, slowly and
obviously: the reference that all backends are tested against. With
:class:`osr_core.analysis.Tracer` they compute shapes, cost and receptive field only, and with
:class:`backends.onnx.emitter.Emitter` they make an ONNX graph. The layers of the PyTorch and of the
MindSpore backend mirror these lines.

A new backbone is a dataclass in :mod:`osr_core.backbones`, a function here with its row in
:data:`BACKBONE_FUNCTIONS`, and a class in ``backbones.py`` of those two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from osr_core.backbones import RESIDUAL_STAGES
from osr_core.context import AIRLIGHT
from osr_core.operations import GATE_SLOPE, RESIDUAL_SCALE, Init, Ops, T
from osr_core.spec import (
    IMAGE_CHANNELS,
    Activation,
    Experts,
    External,
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    RoutedExperts,
    UNet,
)


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


def input_transform(
    ops: Ops[T],
    spec: InputTransform,
    image: T,
    prefix: str = "input_transform.",
    phase_init: Init = "lecun",
) -> tuple[T, T]:
    """Amplitude by channel-FC, phase by channel-FC or 3×3 convolution, then Euler's formula."""
    amplitude = ops.conv(f"{prefix}amplitude", image, spec.channels, 1, init="lecun")
    phase = ops.conv(f"{prefix}phase", image, spec.channels, spec.phase_kernel, init=phase_init)
    real, imaginary = ops.wave(amplitude, phase)
    parts = {"amplitude": amplitude, "phase": phase, "real": real, "imaginary": imaginary}
    for name, value in parts.items():
        ops.note(prefix + name, value)
    return real, imaginary


def output_transform(ops: Ops[T], spec: OutputTransform, wave: tuple[T, T], image: T) -> T:
    """``u = FC(wave)``, ``v = FC(image)``, gates from ``MLP(FC(u + v))``, ``Conv(g₁v + g₂u)``.

    The two gates sum to one (a softmax over the pair is a sigmoid of their difference), so only
    g₂ is computed.
    """
    stack = ops.concat(*wave)  # (N, 2C, H, W)
    u = ops.conv("output_transform.wave", stack, spec.channels, 1, init="lecun")  # (N, D, H, W)
    v = ops.conv("output_transform.image", image, spec.channels, 1, init="lecun")
    mixed = ops.conv("output_transform.mix", ops.add(u, v), spec.channels, 1, init="lecun")
    if spec.gates == "pooled":
        mixed = ops.mean(mixed)  # (N, D, 1, 1)
    hidden = ops.relu(ops.conv("output_transform.gate1", mixed, spec.channels, 1))
    gate = ops.sigmoid(ops.conv("output_transform.gate2", hidden, spec.channels, 1, init="lecun"))
    ops.note("output_transform.gate", gate)
    gated = ops.add(ops.mul(ops.affine(gate, -1.0, 1.0), v), ops.mul(gate, u))
    init: Init = "small" if spec.residual else "lecun"
    result = ops.conv("output_transform.conv", gated, IMAGE_CHANNELS, init=init)
    return ops.add(image, result) if spec.residual else result


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


def unet(ops: Ops[T], spec: UNet, prefix: str, image: T, channels: int) -> T:
    """Residual U-Net on a pixel-unshuffled image."""

    def blocks(path: str, level: int, x: T) -> T:
        for index in range(spec.blocks):
            name = f"{prefix}{path}.{level}.{index}"
            x = residual_block(ops, name, x, spec.widths[level], activation=spec.activation)
        return x

    gate, start = context(ops, spec, prefix, image) if spec.context else (None, image)
    x = ops.unshuffle(start, spec.unshuffle)  # (N, C·side², H/side, W/side)
    x = ops.conv(f"{prefix}head", x, spec.widths[0], init="lecun")
    skips: list[T] = []
    for level in range(len(spec.widths) - 1):
        x = blocks("encoder", level, x)
        skips.append(x)
        x = ops.conv(f"{prefix}down.{level}", x, spec.widths[level + 1], stride=2, init="lecun")
    x = blocks("encoder", len(spec.widths) - 1, x)
    for level in reversed(range(len(spec.widths) - 1)):
        x = ops.conv(f"{prefix}up.{level}", x, 4 * spec.widths[level], 1, init="lecun")
        x = ops.add(ops.shuffle(x, 2), skips[level])  # twice the size
        x = blocks("decoder", level, x)
    x = ops.conv(f"{prefix}tail", x, channels * spec.unshuffle**2, init="small")
    result = ops.add(start, ops.shuffle(x, spec.unshuffle))
    if gate is None:
        return result
    return ops.add(image, ops.mul(gate, ops.sub(result, image)))


def context(ops: Ops[T], spec: UNet, prefix: str, image: T) -> tuple[T, T]:
    """From the thumbnail: a gate for the U-Net's residual, and the image without even haze.

    The gate, of size 1×1, is 1 at first and a leaky ReLU, as in :func:`experts`. A fresh network
    takes :data:`~osr_core.context.AIRLIGHT` for the airlight.
    """
    small = ops.thumbnail(image)  # (N, 3, SIDE, SIDE)
    haze = ops.haze_amount(small)  # (N, 1, 1, 1)
    prior = ops.add(small, ops.mul(haze, ops.affine(small, 1.0, -AIRLIGHT)))
    x = ops.concat(small, prior)
    for index, width in enumerate(spec.context):
        x = ops.leaky(ops.conv(f"{prefix}context.{index}", x, width, stride=2))
    x = ops.mean(x)  # (N, C, 1, 1)
    offset = ops.conv(f"{prefix}context_airlight", x, IMAGE_CHANNELS, 1, init="small")
    gate = ops.conv(f"{prefix}context_gate", x, 1, 1, init="small")
    gate = ops.leaky(ops.affine(gate, 1.0, 1.0), GATE_SLOPE)
    ops.note(f"{prefix}context_gate", gate)
    airlight = ops.affine(offset, 1.0, AIRLIGHT)
    return gate, ops.add(image, ops.mul(haze, ops.sub(image, airlight)))


def experts(ops: Ops[T], spec: Experts, prefix: str, image: T, channels: int) -> T:
    """``image + Σ gₖ ⊙ (expertₖ(image) - image)``.

    The gating network reads waves, as the backbone of a reprogrammed model does, but of the image
    and of the experts' residuals. Gates are 1 at first, since an expert leaves most of what it was
    not trained for unchanged. They are leaky ReLUs instead of sigmoids, which saturate.
    """
    stack, residuals = image, []
    for index, expert in enumerate(spec.experts):
        restored = unet(ops, expert, f"{prefix}experts.{index}.", image, channels)
        residuals.append(ops.sub(restored, image))
        stack = ops.concat(stack, ops.affine(residuals[-1], RESIDUAL_SCALE, 0.0))
    wave = input_transform(ops, InputTransform(spec.waves), stack, f"{prefix}wave.")
    features = unet(ops, spec.gate, f"{prefix}gate.", ops.concat(*wave), 2 * spec.waves)
    result = image
    for index, change in enumerate(residuals):
        gate = ops.conv(f"{prefix}gates.{index}", features, 1, 1, init="small")  # (N, 1, H, W)
        gate = ops.leaky(ops.affine(gate, 1.0, 1.0), GATE_SLOPE)
        ops.note(f"{prefix}gates.{index}", gate)
        result = ops.add(result, ops.mul(gate, change))
    return result


def routed_experts(ops: Ops[T], spec: RoutedExperts, prefix: str, image: T, channels: int) -> T:
    """``image + Σ gₖ ⊙ (expertₖ(image) - image)``, with gates that are known before experts run."""
    result = image
    for index, logits in enumerate(routing(ops, spec, prefix, image)):
        gate = hard_gate(ops, logits)

        def weighted(index: int = index, gate: T = gate) -> T:
            weight = ops.upsample(gate, spec.cell)  # (N, 1, H, W)
            ops.note(f"{prefix}gates.{index}", weight)
            name = f"{prefix}experts.{index}."
            restored = unet(ops, spec.experts[index], name, image, channels)
            return ops.mul(weight, ops.sub(restored, image))

        result = ops.add(result, ops.gated(gate, weighted))
    return result


def routing(ops: Ops[T], spec: RoutedExperts, prefix: str, image: T) -> list[T]:
    """The logit of each expert's gate in each cell, ``(N, 1, H/cell, W/cell)``."""
    small = ops.thumbnail(image)  # (N, 3, SIDE, SIDE)
    whole = small
    for index, width in enumerate(spec.context):
        whole = ops.leaky(ops.conv(f"{prefix}context.{index}", whole, width, stride=2))
    whole = ops.concat(ops.mean(whole), ops.haze_amount(small))  # (N, C + 1, 1, 1)
    waves = InputTransform(spec.waves)
    real, imaginary = input_transform(ops, waves, image, f"{prefix}wave.", "high_pass")
    x = ops.concat(real, imaginary)
    blocks = ops.blockiness(image, spec.cell)  # (N, 16, H/cell, W/cell)
    for index, width in enumerate(spec.gate):
        x = ops.leaky(ops.conv(f"{prefix}gate.{index}", x, width, stride=2))
        if index == len(spec.gate) - 1:
            x = ops.add(x, ops.conv(f"{prefix}gate_context", whole, width, 1, init="lecun"))
            x = ops.add(x, ops.conv(f"{prefix}gate_blockiness", blocks, width, 1, init="lecun"))
        x = residual_block(ops, f"{prefix}gate_blocks.{index}", x, width, activation="leaky")
    names = (f"{prefix}gates.{index}" for index in range(len(spec.experts)))
    return [ops.conv(name, x, 1, 1, init="small") for name in names]


def hard_gate(ops: Ops[T], logits: T) -> T:
    """``2 σ(x) - ½`` clipped to [0, 1]: exactly 0 below a probability of ¼, 1 above ¾."""
    wide = ops.affine(ops.sigmoid(logits), 2.0, -0.5)
    return ops.affine(ops.relu(ops.affine(ops.relu(wide), -1.0, 1.0)), -1.0, 1.0)


def external(ops: Ops[T], spec: External, prefix: str, image: T, channels: int) -> T:
    """A network that is not described here."""
    return ops.external(spec, image)


def residual_block(
    ops: Ops[T], name: str, x: T, width: int, *, bias: bool = True, activation: Activation = "relu"
) -> T:
    """``x + conv2(activation(conv1(x)))``."""
    activate = {"relu": ops.relu, "leaky": ops.leaky}[activation]
    y = activate(ops.conv(f"{name}.conv1", x, width, bias=bias))
    return ops.add(x, ops.conv(f"{name}.conv2", y, width, bias=bias, init="small"))


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
