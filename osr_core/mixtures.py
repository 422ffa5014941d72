"""Mixtures of experts; as :mod:`osr_core.networks`."""

from __future__ import annotations

from functools import partial

from osr_core.operations import GATE, GATE_SLOPE, RESIDUAL_SCALE, ROUTE, Ops, Ramp, T
from osr_core.spec import Experts, InputTransform, RoutedExperts
from osr_core.transforms import input_transform
from osr_core.unet import residual_block, unet


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
    """``image + Σ gₖ ⊙ cₖ`` with the changes ``cₖ = rₖ (expertₖ(image) - image)``.

    The router gives each expert a gate *r* for the whole image, before any runs. The gates *g* of
    each cell follow from the levels of all changes.
    """
    features, logits = router(ops, spec, prefix, image)
    routes = [hard_gate(ops, each, ROUTE) for each in logits]  # (N, 1, 1, 1)
    silent = ops.level(ops.affine(image, 0.0, 0.0), spec.cell)  # (N, 1, H/cell, W/cell)
    levels: T | None = None
    changes: list[T] = []
    for index, route in enumerate(routes):
        ops.note(f"{prefix}routes.{index}", route)

        def change(index: int = index, route: T = route) -> T:
            name = f"{prefix}experts.{index}."
            restored = unet(ops, spec.experts[index], name, image, channels)
            return ops.mul(route, ops.sub(restored, image))

        changes.append(ops.gated(route, change, route))
        level = ops.gated(route, partial(ops.level, changes[index], spec.cell), silent)
        levels = level if levels is None else ops.concat(levels, level)
    assert levels is not None
    result = image
    for index, each in enumerate(gates(ops, spec, prefix, features, levels)):

        def changed(index: int = index, logits: T = each, result: T = result) -> T:
            gate = ops.upsample(hard_gate(ops, logits, GATE), spec.cell)  # (N, 1, H, W)
            ops.note(f"{prefix}gates.{index}", gate)
            return ops.add(result, ops.mul(gate, changes[index]))

        result = ops.gated(routes[index], changed, result)
    return result


def router(ops: Ops[T], spec: RoutedExperts, prefix: str, image: T) -> tuple[T, list[T]]:
    """What patches and the thumbnail show: features, and the logit of each expert's gate."""
    patches = ops.patches(image)  # (16 N, 3, PATCH, PATCH)
    waves = InputTransform(spec.waves)
    x = ops.concat(*input_transform(ops, waves, patches, f"{prefix}wave.", "high_pass"))
    for index, width in enumerate(spec.router):
        x = ops.leaky(ops.conv(f"{prefix}router.{index}", x, width, stride=2))
        x = residual_block(ops, f"{prefix}router_blocks.{index}", x, width, activation="leaky")
    x = ops.leaky(ops.conv(f"{prefix}router_patches", x, spec.width, 1))
    small = ops.thumbnail(image)  # (N, 3, SIDE, SIDE)
    whole = small
    for index, width in enumerate(spec.context):
        whole = ops.leaky(ops.conv(f"{prefix}context.{index}", whole, width, stride=2))
    whole = ops.concat(ops.mean(whole), ops.haze_amount(small))  # (N, C + 1, 1, 1)
    blocks = ops.blockiness(patches)  # (N, 16, 1, 1)
    x = ops.add(
        ops.mean_of_patches(x),
        ops.add(
            ops.conv(f"{prefix}router_context", whole, spec.width, 1, init="lecun"),
            ops.conv(f"{prefix}router_blockiness", blocks, spec.width, 1, init="lecun"),
        ),
    )
    x = ops.leaky(ops.conv(f"{prefix}router_hidden", ops.leaky(x), spec.width, 1))
    names = (f"{prefix}routes.{index}" for index in range(len(spec.experts)))
    return x, [ops.conv(name, x, 1, 1, init="small") for name in names]


def gates(ops: Ops[T], spec: RoutedExperts, prefix: str, features: T, levels: T) -> list[T]:
    """The logit of each expert's gate in each cell, ``(N, 1, H/cell, W/cell)``."""
    x = ops.add(
        ops.conv(f"{prefix}gate_levels", levels, spec.width, 1),
        ops.conv(f"{prefix}gate_features", features, spec.width, 1, init="lecun"),
    )
    x = ops.leaky(ops.conv(f"{prefix}gate_hidden", ops.leaky(x), spec.width, 1))
    names = (f"{prefix}gates.{index}" for index in range(len(spec.experts)))
    return [ops.conv(name, x, 1, 1, init="small") for name in names]


def hard_gate(ops: Ops[T], logits: T, ramp: Ramp) -> T:
    """A gate in [0, 1]: exactly 0 and exactly 1 outside a ramp of probabilities."""
    slope = 1 / (ramp[1] - ramp[0])
    wide = ops.affine(ops.sigmoid(logits), slope, -slope * ramp[0])
    return ops.affine(ops.relu(ops.affine(ops.relu(wide), -1.0, 1.0)), -1.0, 1.0)
