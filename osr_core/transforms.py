"""The two transforms of the method, as :mod:`osr_core.networks`; their mathematics is in
:mod:`osr_core.wave`."""

from __future__ import annotations

from osr_core.operations import Init, Ops, T
from osr_core.spec import IMAGE_CHANNELS, InputTransform, OutputTransform


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
