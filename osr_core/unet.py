"""The U-Net that all experts are, and its context branch; as :mod:`osr_core.networks`."""

from __future__ import annotations

from osr_core.context import AIRLIGHT
from osr_core.operations import GATE_SLOPE, Ops, T
from osr_core.spec import IMAGE_CHANNELS, Activation, UNet


def unet(ops: Ops[T], spec: UNet, prefix: str, image: T, channels: int) -> T:
    """Residual U-Net on a pixel-unshuffled image."""

    def block(path: str, level: int, index: int, x: T) -> T:
        name = f"{prefix}{path}.{level}.{index}"
        return residual_block(ops, name, x, spec.widths[level], activation=spec.activation)

    gate, start = context(ops, spec, prefix, image) if spec.context else (None, image)
    x = ops.unshuffle(start, spec.unshuffle)  # (N, C·side², H/side, W/side)
    x = ops.conv(f"{prefix}head", x, spec.widths[0], init="lecun")
    skips: list[T] = []
    for level in range(len(spec.widths) - 1):
        for index in range(spec.blocks):
            x = block("encoder", level, index, x)
        skips.append(x)
        x = ops.conv(f"{prefix}down.{level}", x, spec.widths[level + 1], stride=2, init="lecun")
    for index in range(spec.blocks):
        x = block("encoder", len(spec.widths) - 1, index, x)
    for level in reversed(range(len(spec.widths) - 1)):
        x = ops.subpixel(f"{prefix}up.{level}", x, spec.widths[level], 2)
        x = ops.add(x, skips.pop())
        for index in range(spec.blocks):
            x = block("decoder", level, index, x)
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


def residual_block(
    ops: Ops[T], name: str, x: T, width: int, *, bias: bool = True, activation: Activation = "relu"
) -> T:
    """``x + conv2(activation(conv1(x)))``."""
    activate = {"relu": ops.relu, "leaky": ops.leaky}[activation]
    y = activate(ops.conv(f"{name}.conv1", x, width, bias=bias))
    y = ops.conv(f"{name}.conv2", y, width, bias=bias, init="small")
    return ops.add(x, y)
