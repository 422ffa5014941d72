"""Networks, weights and batches of the tests of parity."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import tolerances
from numpy.typing import NDArray

from osr_core.initial import SMALL, initial_state
from osr_core.networks import network
from osr_core.operations import LEAKY_SLOPE
from osr_core.reference import NumpyOps, forward
from osr_core.spec import (
    Experts,
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    RoutedExperts,
    UNet,
)
from osr_core.training.options import Optimizer, TrainerOptions

State = dict[str, NDArray[Any]]

OPTIONS = TrainerOptions(optimizer=Optimizer(weight_decay=0.01))

TINY_UNET = UNet((8, 12, 16))
TINY_GRID = GridDehaze(depth_rate=4, growth=4, dense_layers=2)
LEAKY = UNet((8, 12, 16), activation="leaky")
TINY_EXPERTS = Experts((LEAKY, UNet((6, 8), 1, 4)), UNet((4, 6), 1, 4, "leaky"), 2)
WITH_CONTEXT = UNet((6, 8), 1, 4, "leaky", context=(6, 4))
TINY_ROUTED = RoutedExperts((LEAKY, WITH_CONTEXT), (4, 6), (4, 6), 2, 8, 8)
TINY_RESIDUAL = Residual((4, 8, 8, 8, 4))
LOGIT = float(np.log(0.2 / 0.8))  # in the ramp of the router's gates
STACKED, SHARED = InputTransform(4), InputTransform(3, layout="shared")
GATES = OutputTransform(6)

CASES = {
    "residual": ModelSpec(TINY_RESIDUAL),
    "griddehaze": ModelSpec(TINY_GRID),
    "unet": ModelSpec(TINY_UNET),
    "unet, full resolution": ModelSpec(UNet((8, 12, 16), unshuffle=1)),
    "unet, leaky": ModelSpec(LEAKY),
    "unet, context": ModelSpec(WITH_CONTEXT),
    "unet, context, frozen": ModelSpec(WITH_CONTEXT, frozen=True),
    "residual, stacked": ModelSpec(TINY_RESIDUAL, STACKED, GATES),
    "griddehaze, shared": ModelSpec(TINY_GRID, SHARED, GATES),
    "unet, stacked": ModelSpec(TINY_UNET, STACKED, GATES),
    "unet, shared": ModelSpec(TINY_UNET, SHARED, GATES),
    "unet, phase 1x1": ModelSpec(TINY_UNET, InputTransform(4, phase_kernel=1), GATES),
    "unet, pooled": ModelSpec(TINY_UNET, STACKED, OutputTransform(6, gates="pooled")),
    "unet, not residual": ModelSpec(TINY_UNET, STACKED, OutputTransform(6, residual=False)),
    "unet, frozen": ModelSpec(TINY_UNET, STACKED, GATES, frozen=True),
    "experts": ModelSpec(TINY_EXPERTS),
    "experts, frozen": ModelSpec(TINY_EXPERTS, frozen=True),
    "experts, context": ModelSpec(Experts((LEAKY, WITH_CONTEXT), UNet((4, 6), 1, 4, "leaky"), 2)),
    "experts, shared": ModelSpec(TINY_EXPERTS, SHARED, GATES, frozen=True),
    "routed experts": ModelSpec(TINY_ROUTED),
    "routed experts, frozen": ModelSpec(TINY_ROUTED, frozen=True),
    "griddehaze, all": ModelSpec(
        TINY_GRID,
        InputTransform(3, phase_kernel=1, layout="shared"),
        OutputTransform(8, gates="pooled", residual=False),
        frozen=True,
    ),
}
FULL_SIZE = {
    "residual": ModelSpec(Residual()),
    "griddehaze": ModelSpec(GridDehaze()),
    "unet": ModelSpec(UNet()),
    "reprogrammed": ModelSpec(UNet(), InputTransform(), OutputTransform()),
    "experts": ModelSpec(Experts(gate=UNet((24, 32), 1, 4))),
}


def make_batch(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    inputs, targets = rng.random((2, 2, 3, 16, 24), dtype=np.float32)
    return inputs, targets


def make_state(spec: ModelSpec) -> State:
    """Weights of which no two are interchangeable: initial biases and coefficients are equal.

    A last layer that starts small would hide what comes before it.
    """
    rng = np.random.default_rng(7)
    state: State = dict(initial_state(spec, 3))
    residual = spec.output_transform and spec.output_transform.residual
    small = ["output_transform.conv.weight"] if residual else []
    if isinstance(spec.backbone, Experts):
        small += [name for name in state if ".gates." in f".{name}"]
    if isinstance(spec.backbone, RoutedExperts):
        small += [name for name in state if name.endswith("tail.weight")]
    small += [name for name in state if name.endswith("context_gate.weight")]
    if "context_gate.weight" in state:  # not within experts, whose gates see what they do magnified
        small.append("tail.weight")
    for name in small:
        state[name] /= SMALL
    for name, array in state.items():
        if name.endswith(("bias", "coefficient")):
            array += rng.uniform(-0.2, 0.2, array.shape).astype(np.float32)
        if name.startswith("routes.") and name.endswith("bias"):
            array += LOGIT
    return state


def load_network(backend: ModuleType, spec: ModelSpec, state: State) -> Any:
    built = backend.build(spec, seed=9)
    built.load_state(state)
    return built


@cache
def reference(spec: ModelSpec) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Images, and what becomes of them in float64."""
    images, _ = make_batch(0)
    return images, forward(spec, make_state(spec), images.astype(np.float64))


def predict(
    backend: ModuleType, spec: ModelSpec, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    result: NDArray[np.float32] = load_network(backend, spec, make_state(spec)).predict(images)
    assert result.dtype == np.float32
    return result


def relative_error(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest difference, relative to the largest value."""
    assert got.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 0
    return float(np.abs(got - expected).max() / scale)


def tree(built: Any) -> dict[str, tuple[tuple[int, ...], bool]]:
    named = built.parameters_and_names if hasattr(built, "construct") else built.named_parameters
    return {name: (tuple(weight.shape), weight.requires_grad) for name, weight in named()}


class Margins(NumpyOps):
    """Remembers how close a pre-activation came to the kink of a ReLU, leaky or not."""

    closest = np.inf

    def relu(self, x: NDArray[Any]) -> NDArray[Any]:
        self.closest = min(self.closest, float(np.abs(x).min()))
        return super().relu(x)

    def leaky(self, x: NDArray[Any], slope: float = LEAKY_SLOPE) -> NDArray[Any]:
        self.closest = min(self.closest, float(np.abs(x).min()))
        return super().leaky(x, slope)


def smooth_batch(spec: ModelSpec, state: State) -> tuple[NDArray[Any], NDArray[Any]]:
    for seed in range(50):
        images, noise = make_batch(seed)
        ops = Margins(state)
        result = network(ops, spec, images.astype(np.float64))
        if ops.closest > tolerances.KINK:
            return images, (result + np.where(noise < 0.5, -0.5, 0.5) + noise / 5).astype("f4")
    raise AssertionError("no batch keeps clear of the kinks")
