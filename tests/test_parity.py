"""All backends compute the same thing: against the spec, a float64 oracle, and each other.

Outputs are judged by the NumPy reference, gradients by ``gradient_oracle.py``, both in float64.
A float32 result near a kink (ReLU, |x|) may be on its other side, where the gradient is another
one. So batches are chosen whose pre-activations keep clear of zero, and targets that keep clear of
the output.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from types import ModuleType

import numpy as np
import pytest
import tolerances
from parity_cases import (
    CASES,
    FULL_SIZE,
    OPTIONS,
    load_network,
    make_batch,
    make_state,
    predict,
    reference,
    relative_error,
    smooth_batch,
    tree,
)

from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.context import context_of
from osr_core.initial import initial_state
from osr_core.networks import network
from osr_core.reference import NumpyOps, forward
from osr_core.registry import default_model, registry
from osr_core.spec import (
    ModelSpec,
)

every_case = pytest.mark.parametrize("spec", CASES.values(), ids=CASES.keys())


@every_case
def test_parameters_are_those_of_the_spec(backend: ModuleType, spec: ModelSpec) -> None:
    built = backend.build(spec)
    table = analyse(spec).parameters
    assert tree(built) == {p.name: (p.shape, p.trainable) for p in table}
    state = built.state()
    assert list(state) == [p.name for p in table]
    assert {array.dtype for array in state.values()} == {np.dtype(np.float32)}
    for name, start in initial_state(spec, 0).items():
        np.testing.assert_array_equal(state[name], start, err_msg=name)


@every_case
def test_outputs_are_the_references(runtime: ModuleType, spec: ModelSpec) -> None:
    images, expected = reference(spec)
    difference = predict(runtime, spec, images) - expected
    assert np.abs(difference).max() < tolerances.OUTPUT


@every_case
def test_half_precision_is_close(backend: ModuleType, spec: ModelSpec) -> None:
    images, expected = reference(spec)
    built = load_network(backend, spec, make_state(spec))
    built.precision = "float16"
    assert tolerances.OUTPUT < np.abs(built.predict(images) - expected).max() < tolerances.HALF


@pytest.mark.parametrize("case", ["unet, context", "experts, context", "routed experts"])
def test_tiles_use_the_context_that_is_given(runtime: ModuleType, case: str) -> None:
    spec = CASES[case]
    images, own = reference(spec)
    context = context_of(make_batch(5)[0], analyse(spec).context_channels)
    whole = forward(spec, make_state(spec), images.astype(np.float64), context.astype(np.float64))
    built = load_network(runtime, spec, make_state(spec))
    assert np.abs(built.predict(images, context) - whole).max() < tolerances.OUTPUT
    assert np.abs(whole - own).max() > 1e-4


@pytest.mark.parametrize("case", ["unet", "unet, leaky", "unet, context", "experts"])
def test_the_activation_shows_in_the_outputs(case: str) -> None:
    """Plain ReLUs in place of leaky ones change the result where a network has leaky ones."""
    spec = CASES[case]
    images, expected = reference(spec)
    ops = type("Mistaken", (NumpyOps,), {"leaky": lambda _, x, slope=0.0: np.maximum(x, 0)})
    result = network(ops(make_state(spec)), spec, images.astype(np.float64))
    difference = np.abs(result - expected).max()
    assert difference == 0 if case == "unet" else difference > 1e-2


@pytest.mark.parametrize("spec", FULL_SIZE.values(), ids=FULL_SIZE.keys())
def test_outputs_agree_at_full_size(runtimes: dict[str, ModuleType], spec: ModelSpec) -> None:
    images, expected = reference(spec)
    voters = [predict(runtime, spec, images) for runtime in runtimes.values()]
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

    state = make_state(spec)
    images, targets = smooth_batch(spec, state)
    tolerance = tolerances.CONTEXT if analyse(spec).context_channels else tolerances.GRADIENT
    loss, expected = loss_and_gradients(spec, state, images, targets)
    for name, twin in twins.items():
        trainer = twin.Trainer(load_network(twin, spec, state), OPTIONS)
        got, grads = trainer.gradients(images, targets)
        assert got == pytest.approx(loss, rel=tolerances.LOSS), name
        assert grads.keys() == {p.name for p in analyse(spec).parameters if p.trainable}
        for weight, grad in grads.items():
            assert relative_error(grad, expected[weight]) < tolerance, (name, weight)


@pytest.mark.slow
def test_gradients_of_the_default_model_are_the_oracles(twins: dict[str, ModuleType]) -> None:
    """Kinks cannot be kept clear of by millions of units: each tensor must agree once."""
    from gradient_oracle import loss_and_gradients  # needs PyTorch

    checkpoint = Checkpoint.load(default_model())
    spec, least = replace(checkpoint.spec, frozen=False), dict[tuple[str, str], float]()
    for seed in range(3):
        images, targets = np.random.default_rng(seed).random((2, 1, 3, 64, 128), np.float32)
        _, expected = loss_and_gradients(spec, checkpoint.state, images, targets)
        for name, twin in twins.items():
            trainer = twin.Trainer(twin.build(spec, state=checkpoint.state), OPTIONS)
            for weight, grad in trainer.gradients(images, targets)[1].items():
                if not expected[weight].any():  # of an expert that is not run
                    assert not grad.any(), weight
                    continue
                error = relative_error(grad, expected[weight])
                least[name, weight] = min(error, least.get((name, weight), error))
    assert any(weight.startswith("experts.") for _, weight in least)
    assert max(least.values()) < tolerances.TRAINED_GRADIENT
