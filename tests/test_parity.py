"""All backends compute the same thing: against the spec, a float64 oracle, and each other.

Outputs are judged by the NumPy reference, gradients by ``gradient_oracle.py``, both in float64.
A float32 result near a kink (ReLU, |x|) may be on its other side, where the gradient is another
one. So batches are chosen whose pre-activations keep clear of zero, and targets that keep clear of
the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import combinations
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tolerances
from numpy.typing import NDArray

from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.context import thumbnail
from osr_core.initial import SMALL, initial_state
from osr_core.networks import network
from osr_core.operations import LEAKY_SLOPE
from osr_core.reference import NumpyOps, forward
from osr_core.registry import default_model, registry
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
TINY_ROUTED = RoutedExperts((LEAKY, WITH_CONTEXT), (4, 6, 8), (4, 6), 2)
TINY_RESIDUAL = Residual((4, 8, 8, 8, 4))
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

every_case = pytest.mark.parametrize("spec", CASES.values(), ids=CASES.keys())


@every_case
def test_parameters_are_those_of_the_spec(backend: ModuleType, spec: ModelSpec) -> None:
    built = backend.build(spec)
    table = analyse(spec).parameters
    assert _tree(built) == {p.name: (p.shape, p.trainable) for p in table}
    state = built.state()
    assert list(state) == [p.name for p in table]
    assert {array.dtype for array in state.values()} == {np.dtype(np.float32)}
    for name, start in initial_state(spec, 0).items():
        np.testing.assert_array_equal(state[name], start, err_msg=name)


@every_case
def test_outputs_are_the_references(runtime: ModuleType, spec: ModelSpec) -> None:
    images, expected = _reference(spec)
    difference = _predict(runtime, spec, images) - expected
    assert np.abs(difference).max() < tolerances.OUTPUT


@every_case
def test_half_precision_is_close(backend: ModuleType, spec: ModelSpec) -> None:
    images, expected = _reference(spec)
    built = _network(backend, spec, _state(spec))
    built.precision = "float16"
    assert tolerances.OUTPUT < np.abs(built.predict(images) - expected).max() < tolerances.HALF


@pytest.mark.parametrize("case", ["unet, context", "experts, context", "routed experts"])
def test_tiles_use_the_context_that_is_given(runtime: ModuleType, case: str) -> None:
    spec = CASES[case]
    images, own = _reference(spec)
    context = thumbnail(_batch(5)[0])
    whole = forward(spec, _state(spec), images.astype(np.float64), context.astype(np.float64))
    built = _network(runtime, spec, _state(spec))
    assert np.abs(built.predict(images, context) - whole).max() < tolerances.OUTPUT
    assert np.abs(whole - own).max() > 1e-4


@pytest.mark.parametrize("case", ["unet", "unet, leaky", "unet, context", "experts"])
def test_the_activation_shows_in_the_outputs(case: str) -> None:
    """Plain ReLUs in place of leaky ones change the result where a network has leaky ones."""
    spec = CASES[case]
    images, expected = _reference(spec)
    ops = type("Mistaken", (NumpyOps,), {"leaky": lambda _, x, slope=0.0: np.maximum(x, 0)})
    result = network(ops(_state(spec)), spec, images.astype(np.float64))
    difference = np.abs(result - expected).max()
    assert difference == 0 if case == "unet" else difference > 1e-2


@pytest.mark.parametrize("spec", FULL_SIZE.values(), ids=FULL_SIZE.keys())
def test_outputs_agree_at_full_size(runtimes: dict[str, ModuleType], spec: ModelSpec) -> None:
    images, expected = _reference(spec)
    voters = [_predict(runtime, spec, images) for runtime in runtimes.values()]
    for one, other in combinations([expected, *voters], 2):
        assert np.abs(one - other).max() < tolerances.OUTPUT


@pytest.mark.parametrize("name", registry())
def test_published_models_agree(runtimes: dict[str, ModuleType], name: str) -> None:
    model = Checkpoint.load(name)
    side = 2 * analyse(model.spec).total_stride
    images = np.random.default_rng(0).random((1, 3, side, side + side // 2), np.float32)
    expected = forward(model.spec, model.state, images.astype(np.float64))
    voters = [runtime.load(model, "cpu").predict(images) for runtime in runtimes.values()]
    for one, other in combinations([expected, *voters], 2):
        assert np.abs(one - other).max() < tolerances.OUTPUT


@every_case
def test_gradients_are_the_oracles(twins: dict[str, ModuleType], spec: ModelSpec) -> None:
    from gradient_oracle import loss_and_gradients  # needs PyTorch

    state = _state(spec)
    images, targets = _smooth_batch(spec, state)
    tolerance = tolerances.CONTEXT if analyse(spec).uses_context else tolerances.GRADIENT
    loss, expected = loss_and_gradients(spec, state, images, targets)
    for name, twin in twins.items():
        trainer = twin.Trainer(_network(twin, spec, state), OPTIONS)
        got, grads = trainer.gradients(images, targets)
        assert got == pytest.approx(loss, rel=tolerances.LOSS), name
        assert grads.keys() == {p.name for p in analyse(spec).parameters if p.trainable}
        for weight, grad in grads.items():
            assert _error(grad, expected[weight]) < tolerance, (name, weight)


def test_routing_trains_the_gates_alike(twins: dict[str, ModuleType]) -> None:
    spec = CASES["routed experts, frozen"]
    state = _state(spec)
    images, targets = _smooth_batch(spec, state)
    options = replace(OPTIONS, routing_weight=0.5)
    trainers = [twin.Trainer(_network(twin, spec, state), options) for twin in twins.values()]
    plain = next(iter(twins.values())).Trainer(trainers[0].network, OPTIONS)
    (loss, grads), *others = (trainer.gradients(images, targets) for trainer in trainers)
    assert loss > plain.gradients(images, targets)[0] + 0.1
    for other, theirs in others:
        assert loss == pytest.approx(other, rel=tolerances.LOSS)
        for name, grad in grads.items():
            assert _error(theirs[name], grad) < tolerances.CONTEXT, name


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1)])
def test_an_expert_whose_gates_are_zero_is_not_run(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, closed: tuple[int, ...]
) -> None:
    spec = CASES["routed experts"]
    state = _state(spec)
    for index in closed:
        state[f"gates.{index}.bias"] -= 9
    images, _ = _batch(0)
    network = _network(backend, spec, state)
    expected = forward(spec, state, images.astype(np.float64))
    for index in closed:
        monkeypatch.setattr(network.experts[index], "forward", None, raising=False)
        monkeypatch.setattr(network.experts[index], "construct", None, raising=False)
    result = network.predict(images)
    if len(closed) == 2:
        np.testing.assert_array_equal(result, images)
    assert np.abs(result - expected).max() < tolerances.OUTPUT


@pytest.mark.slow
def test_gradients_of_the_default_model_are_the_oracles(twins: dict[str, ModuleType]) -> None:
    """Kinks cannot be kept clear of by millions of units: each tensor must agree once."""
    from gradient_oracle import loss_and_gradients  # needs PyTorch

    checkpoint = Checkpoint.load(default_model())
    spec, least = replace(checkpoint.spec, frozen=False), dict[tuple[str, str], float]()
    for seed in range(3):
        images, targets = np.random.default_rng(seed).random((2, 1, 3, 64, 96), np.float32)
        _, expected = loss_and_gradients(spec, checkpoint.state, images, targets)
        for name, twin in twins.items():
            trainer = twin.Trainer(twin.build(spec, state=checkpoint.state), OPTIONS)
            for weight, grad in trainer.gradients(images, targets)[1].items():
                error = _error(grad, expected[weight])
                least[name, weight] = min(error, least.get((name, weight), error))
    assert max(least.values()) < tolerances.TRAINED_GRADIENT


def _batch(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    inputs, targets = rng.random((2, 2, 3, 16, 24), dtype=np.float32)
    return inputs, targets


def _state(spec: ModelSpec) -> State:
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
    return state


def _network(backend: ModuleType, spec: ModelSpec, state: State) -> Any:
    built = backend.build(spec, seed=9)
    built.load_state(state)
    return built


@cache
def _reference(spec: ModelSpec) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Images, and what becomes of them in float64."""
    images, _ = _batch(0)
    return images, forward(spec, _state(spec), images.astype(np.float64))


def _predict(
    backend: ModuleType, spec: ModelSpec, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    result: NDArray[np.float32] = _network(backend, spec, _state(spec)).predict(images)
    assert result.dtype == np.float32
    return result


def _distance(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def _error(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest difference, relative to the largest value."""
    assert got.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 0
    return float(np.abs(got - expected).max() / scale)


def _tree(built: Any) -> dict[str, tuple[tuple[int, ...], bool]]:
    named = built.parameters_and_names if hasattr(built, "construct") else built.named_parameters
    return {name: (tuple(weight.shape), weight.requires_grad) for name, weight in named()}


class _Margins(NumpyOps):
    """Remembers how close a pre-activation came to the kink of a ReLU, leaky or not."""

    closest = np.inf

    def relu(self, x: NDArray[Any]) -> NDArray[Any]:
        self.closest = min(self.closest, float(np.abs(x).min()))
        return super().relu(x)

    def leaky(self, x: NDArray[Any], slope: float = LEAKY_SLOPE) -> NDArray[Any]:
        self.closest = min(self.closest, float(np.abs(x).min()))
        return super().leaky(x, slope)


def _smooth_batch(spec: ModelSpec, state: State) -> tuple[NDArray[Any], NDArray[Any]]:
    for seed in range(50):
        images, noise = _batch(seed)
        ops = _Margins(state)
        result = network(ops, spec, images.astype(np.float64))
        if ops.closest > tolerances.KINK:
            return images, (result + np.where(noise < 0.5, -0.5, 0.5) + noise / 5).astype("f4")
    raise AssertionError("no batch keeps clear of the kinks")
