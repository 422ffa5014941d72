"""Both backends compute the same thing: against the spec, a float64 oracle, and each other.

The oracle of outputs is the NumPy reference, that of gradients PyTorch, both in float64. A float32
result near a kink (ReLU, |x|) may lie on its other side, where the gradient is another one. So
batches are chosen whose pre-activations keep clear of zero, and targets that keep clear of the
output.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tolerances
from numpy.typing import NDArray

from osr_core import wave
from osr_core.analysis import analyse
from osr_core.initial import initial_state
from osr_core.networks import network
from osr_core.recipe import Recipe
from osr_core.reference import NumpyOps, forward
from osr_core.spec import (
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    UNet,
)

State = dict[str, NDArray[Any]]

TINY_UNET = UNet((8, 12, 16))
TINY_GRID = GridDehaze(depth_rate=4, growth=4, dense_layers=2)
TINY_RESIDUAL = Residual((4, 8, 8, 8, 4))
JOINT, TURN = InputTransform(4), InputTransform(3, feed="turn")
GATES = OutputTransform(6)

CASES = {
    "residual": ModelSpec(TINY_RESIDUAL),
    "griddehaze": ModelSpec(TINY_GRID),
    "unet": ModelSpec(TINY_UNET),
    "unet, full resolution": ModelSpec(UNet((8, 12, 16), unshuffle=1)),
    "residual, joint": ModelSpec(TINY_RESIDUAL, JOINT, GATES),
    "griddehaze, turn": ModelSpec(TINY_GRID, TURN, GATES),
    "unet, joint": ModelSpec(TINY_UNET, JOINT, GATES),
    "unet, turn": ModelSpec(TINY_UNET, TURN, GATES),
    "unet, phase 3x3": ModelSpec(TINY_UNET, InputTransform(4, phase_kernel=3), GATES),
    "unet, pooled": ModelSpec(TINY_UNET, JOINT, OutputTransform(6, gates="pooled")),
    "unet, residual": ModelSpec(TINY_UNET, JOINT, OutputTransform(6, residual=True)),
    "unet, frozen": ModelSpec(TINY_UNET, JOINT, GATES, frozen=True),
    "griddehaze, all": ModelSpec(
        TINY_GRID,
        InputTransform(3, phase_kernel=3, feed="turn"),
        OutputTransform(6, gates="pooled", residual=True),
        frozen=True,
    ),
}
FULL_SIZE = {
    "residual": ModelSpec(Residual()),
    "griddehaze": ModelSpec(GridDehaze()),
    "unet": ModelSpec(UNet()),
    "reprogrammed": ModelSpec(UNet(), InputTransform(), OutputTransform()),
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
def test_outputs_are_the_references(backend: ModuleType, spec: ModelSpec) -> None:
    images, expected = _reference(spec)
    difference = _predict(backend, spec, images) - expected
    assert np.abs(difference).max() < tolerances.OUTPUT


@pytest.mark.parametrize("spec", FULL_SIZE.values(), ids=FULL_SIZE.keys())
def test_outputs_agree_at_full_size(twins: dict[str, ModuleType], spec: ModelSpec) -> None:
    images, expected = _reference(spec)
    voters = [_predict(twin, spec, images) for twin in twins.values()]
    for one, other in zip([expected, *voters], [*voters, expected], strict=True):
        assert np.abs(one - other).max() < tolerances.OUTPUT


@every_case
def test_gradients_are_the_oracles(twins: dict[str, ModuleType], spec: ModelSpec) -> None:
    state = _state(spec)
    images, targets = _smooth_batch(spec, state)
    loss, expected = _oracle(twins["torch"], spec, state, images, targets)
    for name, twin in twins.items():
        trainer = twin.Trainer(_network(twin, spec, state), _recipe(spec))
        got, grads = trainer.gradients(images, targets)
        assert got == pytest.approx(loss, rel=tolerances.LOSS), name
        assert grads.keys() == {p.name for p in analyse(spec).parameters if p.trainable}
        for weight, grad in grads.items():
            assert _error(grad, expected[weight]) < tolerances.GRADIENT, (name, weight)


@pytest.mark.parametrize("kernel", [1, 3])
def test_wave_layer_is_eulers_formula(backend: ModuleType, kernel: int) -> None:
    rng = np.random.default_rng(1)
    names = ("amplitude.weight", "amplitude.bias", "phase.weight", "phase.bias")
    shapes = ((5, 3, 1, 1), (5,), (5, 3, kernel, kernel), (5,))
    state = {n: rng.uniform(-2, 2, s).astype(np.float32) for n, s in zip(names, shapes)}
    image = rng.random((2, 3, 6, 7), dtype=np.float32)
    weights = rng.standard_normal((2, 2, 5, 6, 7)).astype(np.float32)  # of the loss

    ops, exact = NumpyOps(state), image.astype(np.float64)
    parts = [ops.conv("amplitude", exact, 5, 1), ops.conv("phase", exact, 5, kernel)]
    slopes = wave.to_parts_vjp(*parts, *weights.astype(np.float64))

    got, grads = _wave_layer(backend, kernel, state, image, weights)
    for part, expected in zip(got, wave.to_parts(*parts), strict=True):
        np.testing.assert_allclose(part, expected, atol=tolerances.OUTPUT)
    for name, slope in zip(("amplitude", "phase"), slopes, strict=True):
        centre = shapes[names.index(f"{name}.weight")][2] // 2
        tap = grads[f"{name}.weight"][:, :, centre, centre]
        assert _error(tap, np.einsum("nohw,nchw->oc", slope, exact)) < tolerances.GRADIENT
        assert _error(grads[f"{name}.bias"], slope.sum((0, 2, 3))) < tolerances.GRADIENT


@pytest.mark.parametrize("case", ["griddehaze", "unet, joint", "unet, frozen"])
def test_training_takes_the_same_path(twins: dict[str, ModuleType], case: str) -> None:
    spec = CASES[case]
    trainers = [
        twin.Trainer(_network(twin, spec, _state(spec)), _recipe(spec)) for twin in twins.values()
    ]
    for step in range(20):
        losses = [trainer.step(*_batch(step), 1e-3) for trainer in trainers]
        assert losses[0] == pytest.approx(losses[1], rel=tolerances.LOSS), step
        if step == 2:
            one, other = (trainer.network.state() for trainer in trainers)
            assert _distance(one, other) < tolerances.WEIGHT
            assert _distance(one, _state(spec)) > 1e-4
            one, other = (trainer.state() for trainer in trainers)
            assert _distance(one, other) < tolerances.MOMENT


def test_resumed_training_is_the_same_to_the_bit(backend: ModuleType) -> None:
    spec = CASES["unet, joint"]
    trainer = backend.Trainer(backend.build(spec, seed=1), _recipe(spec))
    for step in range(3):
        trainer.step(*_batch(step), 1e-3)
    weights, moments = trainer.network.state(), trainer.state()
    resumed = backend.Trainer(backend.build(spec, seed=2), _recipe(spec))
    resumed.network.load_state(weights)
    resumed.load_state(moments, 3)
    for step in range(3, 6):
        assert trainer.step(*_batch(step), 1e-3) == resumed.step(*_batch(step), 1e-3)
    assert _distance(trainer.network.state(), resumed.network.state()) == 0
    assert _distance(trainer.state(), resumed.state()) == 0
    assert _distance(weights, trainer.network.state()) > 0  # state() gave copies


def test_a_step_that_is_not_finite_changes_nothing(backend: ModuleType) -> None:
    spec = CASES["unet"]
    trainer = backend.Trainer(backend.build(spec), _recipe(spec))
    images, targets = _batch(0)
    before = trainer.network.state()
    assert np.isnan(trainer.step(images * np.float32(np.nan), targets, 1e-3))
    assert _distance(before, trainer.network.state()) == 0


def _batch(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    inputs, targets = rng.random((2, 2, 3, 16, 24), dtype=np.float32)
    return inputs, targets


def _state(spec: ModelSpec) -> State:
    """Weights of which no two are interchangeable: initial biases and coefficients are equal."""
    rng = np.random.default_rng(7)
    state: State = dict(initial_state(spec, 3))
    for name, array in state.items():
        if name.endswith(("bias", "coefficient")):
            array += rng.uniform(-0.2, 0.2, array.shape).astype(np.float32)
    return state


def _recipe(spec: ModelSpec) -> Recipe:
    return Recipe(spec, {"noise": 1}, weight_decay=0.01)


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
    """Remembers how close a pre-activation came to the kink of a ReLU."""

    closest = np.inf

    def relu(self, x: NDArray[Any]) -> NDArray[Any]:
        self.closest = min(self.closest, float(np.abs(x).min()))
        return super().relu(x)


def _smooth_batch(spec: ModelSpec, state: State) -> tuple[NDArray[Any], NDArray[Any]]:
    for seed in range(50):
        images, noise = _batch(seed)
        ops = _Margins(state)
        result = network(ops, spec, images.astype(np.float64))
        if ops.closest > tolerances.KINK:
            return images, (result + np.where(noise < 0.5, -0.5, 0.5) + noise / 5).astype("f4")
    raise AssertionError("no batch keeps clear of the kinks")


def _oracle(
    backend: ModuleType, spec: ModelSpec, state: State, images: NDArray[Any], targets: NDArray[Any]
) -> tuple[float, State]:
    """Loss and gradients in float64, by PyTorch."""
    import torch

    exact = _network(backend, spec, state).double()
    x, y = (torch.from_numpy(array.astype(np.float64)) for array in (images, targets))
    loss = (exact(x) - y).abs().mean()
    loss.backward()
    weights = dict(exact.named_parameters())
    return float(loss), {n: w.grad.numpy() for n, w in weights.items() if w.requires_grad}


def _wave_layer(
    backend: ModuleType, kernel: int, state: State, image: NDArray[Any], weights: NDArray[Any]
) -> tuple[list[NDArray[Any]], State]:
    """Outputs of a wave layer, and the gradients of their weighted sum."""
    if backend.__name__ == "backends.torch":
        import torch

        from backends.torch.layers import Wave

        layer = Wave(3, 5, kernel)
        layer.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        parts = layer(torch.from_numpy(image))
        sum(((p * torch.from_numpy(w)).sum() for p, w in zip(parts, weights)), 0.0).backward()
        grads = {name: weight.grad.numpy() for name, weight in layer.named_parameters()}
        return [part.detach().numpy() for part in parts], grads
    import mindspore as ms

    from backends.mindspore.layers import Wave

    layer = Wave(3, 5, kernel)
    for name, weight in layer.parameters_and_names():
        weight.set_data(ms.Tensor(state[name]))

    def loss(x: Any) -> Any:
        real, imaginary = layer(x)
        return (real * ms.Tensor(weights[0]) + imaginary * ms.Tensor(weights[1])).sum()

    x = ms.Tensor(image)
    slopes = ms.grad(loss, None, layer.trainable_params())(x)
    names = [name for name, _ in layer.parameters_and_names()]
    return [p.asnumpy() for p in layer(x)], {n: s.asnumpy() for n, s in zip(names, slopes)}
