"""Routing: what the router and the gates learn, in both backends, and experts that are not run."""

from dataclasses import replace
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
import tolerances
from parity_cases import (
    CASES,
    OPTIONS,
    load_network,
    make_batch,
    make_state,
    relative_error,
    smooth_batch,
)

from backends import get_backend
from osr_core.backend import is_installed
from osr_core.context import context_of
from osr_core.errors import OptionError
from osr_core.initial import HIGH_PASS, initial_state
from osr_core.reference import forward
from osr_core.training import routing
from osr_core.training.routing import (
    MISSED,
    MOST_DB,
    NEIGHBOURS,
    PENALTY_DB,
    Replay,
    Samples,
    gate_targets,
    inner_products,
    routing_samples,
)

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(0, 0.1, (3, 1, 3, 8, 16))


def targets(changes, residual):
    found = gate_targets(inner_products(changes, residual, 8))
    return found[0, :, 0, :].T.round(3)  # (cells, experts)


def test_cells_take_the_expert_that_helps_around_them(monkeypatch):
    residual = np.concatenate((A[..., :8], B[..., 8:]), -1)
    assert (targets([A, B, C], residual) > 0.3).tolist() == [[True, True, False]] * 2
    monkeypatch.setattr(routing, "NEIGHBOURS", 1)
    np.testing.assert_allclose(targets([A, B, C], residual), [[1, 0, 0], [0, 1, 0]], atol=0.01)


def test_a_neighbourhood_ends_at_the_edge_of_the_image():
    wide, narrow = RNG.normal(0, 0.1, (2, 1, 3, 8, 8 * (NEIGHBOURS + 2)))
    residual = np.concatenate((wide[..., :8], narrow[..., 8:]), -1)
    chosen = targets([wide, narrow], residual) > 0.6
    assert chosen[-2:].tolist() == [[False, True]] * 2


def test_two_experts_that_both_help_are_mixed():
    np.testing.assert_allclose(targets([A, B, C], 0.8 * A + 0.4 * C), [[0.8, 0, 0.4]] * 2, atol=0.1)


def test_weights_stay_in_0_to_1():
    assert targets([A, B], 3 * A - B).tolist() == [[1, 0], [1, 0]]


def test_nothing_is_chosen_for_less_than_half_a_level():
    assert not targets([A], RNG.normal(0, 1e-4, A.shape)).any()
    assert not targets([A], -A).any()


def test_the_second_expert_must_be_worth_it():
    small = A * np.sqrt(1 - 10 ** (-PENALTY_DB / 20))  # explained by B alone it gains half of that
    assert targets([A, B], small + 2 * B)[:, 0].tolist() == [0, 0]


@pytest.mark.parametrize("count", [1, 5])
def test_many_experts_of_which_one_is_the_truth(count):
    others = list(RNG.normal(0, 0.1, (count, *A.shape)))
    result = targets([*others, A], A)
    assert result[:, -1].tolist() == [1, 1]
    assert not result[:, :-1].any()


@pytest.mark.parametrize("heads", [False, True])
def test_routing_trains_the_gates_alike(twins: dict[str, ModuleType], heads: bool) -> None:
    spec = CASES["routed experts, frozen"]
    state = make_state(spec)
    images, targets = smooth_batch(spec, state)
    options = replace(OPTIONS, routing=True, routing_replay=2, routing_heads=heads)
    trainers = [twin.Trainer(load_network(twin, spec, state), options) for twin in twins.values()]
    (loss, grads), *others = (trainer.gradients(images, targets) for trainer in trainers)
    assert loss > 0.1
    for other, theirs in others:
        assert loss == pytest.approx(other, rel=tolerances.LOSS)
        for name, grad in grads.items():
            assert relative_error(theirs[name], grad) < tolerances.CONTEXT, name
    layers = {name.split(".")[0] for name in grads}
    assert ("router" in layers) != heads
    assert {"router_hidden", "routes", "gate_levels", "gates"} <= layers


@pytest.mark.skipif(not is_installed("torch"), reason="torch is not installed")
def test_heads_have_the_gradient_that_they_have_when_all_is_trained() -> None:
    spec = CASES["routed experts, frozen"]
    state = make_state(spec)
    batch = smooth_batch(spec, state)
    backend = get_backend("torch")
    both = []
    for heads in (False, True):
        options = replace(OPTIONS, routing=True, routing_heads=heads)
        both.append(backend.Trainer(load_network(backend, spec, state), options).gradients(*batch))
    (loss, grads), (same, of_heads) = both
    assert loss == pytest.approx(same, rel=1e-5)
    for name, grad in of_heads.items():
        assert relative_error(grads[name], grad) < 1e-4, name


def test_heads_are_trained_with_routing_alone() -> None:
    with pytest.raises(OptionError, match="routing_heads"):
        replace(OPTIONS, routing_heads=True)


def test_inner_products_give_the_error_of_any_gates():
    gates = RNG.random((1, 2, 1, 2))
    products = inner_products([A, B], C, 8)
    wide = np.repeat(np.repeat(gates, 8, 2), 8, 3)
    error = (C - wide[:, :1] * A - wide[:, 1:] * B) ** 2
    weights = np.concatenate((gates, -np.ones((1, 1, 1, 2))), 1)
    found = np.einsum("nihw,njhw,nijhw->nhw", weights, weights, products)
    np.testing.assert_allclose(found, error.reshape(1, 3, 1, 8, 2, 8).mean((1, 3, 5)), rtol=1e-5)


def test_an_image_needs_the_expert_that_no_other_replaces():
    (needs,) = routing_samples(C, C + A, [A, 0.9 * A + 0.1 * B, B], 8).needs
    alone = 10 * np.log10((A**2).mean() / ((A - 0.9 * A) ** 2 + (0.1 * B) ** 2).mean())
    assert needs[0] > 10  # the second would leave a tenth
    assert needs[0] > alone / 2
    assert needs[1:].tolist() == [0, 0]


@pytest.mark.parametrize(("need", "counted"), [(4, 4), (99, MOST_DB)])
def test_a_missed_expert_counts_by_what_the_image_loses(
    backend: ModuleType, need: float, counted: float
) -> None:
    """Of two images that look alike one needs it: the best odds are the loss, in decibels."""
    losses = import_module(f"{backend.__name__}.losses")
    tensor = import_module(backend.__name__.partition(".")[2]).tensor
    zeros = np.zeros((2, 1, 1, 1), np.float32)
    fixed = [zeros - 99, np.zeros((2, 2, 2, 1, 1), np.float32), zeros, np.float32([[need], [0]])]

    def loss(shift: float) -> float:
        logits = np.full((2, 1), np.log(MISSED * counted) + shift, np.float32)
        return float(losses.routing_loss(*(tensor(each) for each in (logits, *fixed))))

    assert loss(0) < min(loss(-0.3), loss(0.3))


def samples(value):
    """Two, all of whose entries are the value."""
    shapes = (2, 3, 4, 4), (2, 2, 2, 1, 1), (2, 1, 1, 1), (2, 1)
    return Samples(*(np.full(shape, value, np.float32) for shape in shapes))


def test_replay_repeats_recent_samples(monkeypatch):
    monkeypatch.setattr(routing, "CAPACITY", 6)
    replay = Replay(3)
    seen = set()
    for step in range(40):
        new = samples(step / 64)
        joined = replay.add(new)
        assert [part.shape[0] for part in joined] == [8] * 4
        assert {part.dtype for part in joined} == {np.dtype(np.float32)}
        np.testing.assert_array_equal(joined.inputs[:2], new.inputs)
        for part in joined:
            np.testing.assert_array_equal(part.reshape(8, -1)[:, 0], joined.needs[:, 0])
        seen |= {int(step - 64 * n) for n in joined.needs[2:, 0]}
    assert seen == {0, 1, 2}


def test_nothing_is_kept_without_replay():
    given = samples(1)
    assert Replay(0).add(given) is given


def test_waves_of_the_gates_begin_blind_to_flat_grey():
    spec = CASES["routed experts"]
    phase = initial_state(spec, 0)["wave.phase.weight"]
    sizes = np.abs(phase).mean((1, 2, 3))
    np.testing.assert_allclose(phase.sum((1, 2, 3)) / sizes, 0, atol=1e-4)
    assert sizes[-1] / sizes[0] == pytest.approx(HIGH_PASS[1] / HIGH_PASS[0], rel=0.5)


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1)])
def test_an_expert_that_the_router_excludes_is_not_run(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, closed: tuple[int, ...]
) -> None:
    spec = CASES["routed experts"]
    state = make_state(spec)
    for index in closed:
        state[f"routes.{index}.bias"] -= 9
    images, _ = make_batch(0)
    network = load_network(backend, spec, state)
    expected = forward(spec, state, images.astype(np.float64))
    for index in closed:
        monkeypatch.setattr(network.experts[index], "forward", None, raising=False)
        monkeypatch.setattr(network.experts[index], "construct", None, raising=False)
    result = network.predict(images)
    if len(closed) == 2:
        np.testing.assert_array_equal(result, images)
    assert np.abs(result - expected).max() < tolerances.OUTPUT


def test_the_router_sees_patches_that_a_tile_does_not_show(runtime: ModuleType) -> None:
    """Noise in one corner of a large image decides for a tile without noise."""
    spec = CASES["routed experts"]
    image = np.full((1, 3, 320, 320), 0.5, np.float32)
    noisy = image.copy()
    noisy[..., :64, :64] += RNG.normal(0, 0.2, (64, 64))
    network = load_network(runtime, spec, make_state(spec))
    tile = image[..., 128:192, 128:192]
    results = [network.predict(tile, context_of(each, 6)) for each in (image, noisy)]
    thumbnails = [context_of(each, 6)[:, :3] for each in (image, noisy)]
    assert np.abs(results[0] - results[1]).max() > 1e-3
    same = np.concatenate((thumbnails[1], context_of(image, 6)[:, 3:]), 1)
    assert np.abs(network.predict(tile, same) - results[1]).max() > 1e-4


def test_router_and_gates_decide_in_float32(backend: ModuleType) -> None:
    """So that the precision of the experts does not change which of them run."""
    spec = CASES["routed experts"]
    network = load_network(backend, spec, make_state(spec))
    decide, weigh, seen = network.decide, network.gate, []

    def note_routes(evidence):
        seen.append((evidence, decide(evidence)[1]))
        return decide(evidence)

    def note_gates(features, levels):
        seen.append((features, weigh(features, levels)))
        return weigh(features, levels)

    network.decide, network.gate = note_routes, note_gates
    images, _ = make_batch(0)
    exact = network.predict(images)
    network.precision = "bfloat16" if backend.__name__ == "backends.torch" else "float16"
    rounded = network.predict(images)
    assert 0 < np.abs(rounded - exact).max() < 0.05
    routes, _, again, gates = seen
    for one, other in zip(routes[1], again[1], strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert all("float32" in str(gate.dtype).lower() for gate in gates[1])
