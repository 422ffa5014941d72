"""Any network that maps RGB to RGB is reprogrammed; a frozen one stays what it is, to the bit."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tolerances
from module_users import USERS, MindSporeUser, State, TorchUser
from numpy.typing import NDArray

import osr
from osr.images import Picture, write
from osr_core import Checkpoint, restore
from osr_core.analysis import analyse
from osr_core.backend import is_installed
from osr_core.errors import CheckpointError, ModelError, OptionError
from osr_core.initial import initial_state
from osr_core.reference import forward
from osr_core.reprogramming import DEFAULT_INPUT, DEFAULT_OUTPUT
from osr_core.spec import External, InputTransform, ModelSpec, OutputTransform, UNet

STACKED, POOLED = InputTransform(2, phase_kernel=3), OutputTransform(5, gates="pooled")
TRANSFORMS = {
    "shared": (DEFAULT_INPUT, DEFAULT_OUTPUT),
    "stacked": (STACKED, POOLED),
}

every_transform = pytest.mark.parametrize("transforms", TRANSFORMS.values(), ids=TRANSFORMS.keys())


@pytest.fixture
def user(backend: ModuleType) -> Any:
    return USERS[backend.__name__]()


@pytest.fixture
def reprogram(backend: ModuleType) -> Any:
    return _reprogram(backend)


@every_transform
def test_a_frozen_network_stays(user: Any, reprogram: Any, transforms: tuple[Any, Any]) -> None:
    network = user.network(_channels(transforms[0]))
    alone = user.predict(network, _batch(_channels(transforms[0]))[0])
    module = reprogram(network, *transforms)
    before = user.state(module)
    start = initial_state(ModelSpec(External(), *transforms), 0)
    assert {n: v.tobytes() for n, v in before.items() if not n.startswith("backbone.")} == {
        n: v.tobytes() for n, v in start.items()
    }
    losses, kept = user.fit(module, *_batch(3))
    assert losses[-1] < 0.8 * losses[0]
    assert kept == list(start)
    for name, value in user.state(module).items():
        assert np.array_equal(value, before[name]) == name.startswith("backbone."), name
    assert {f"backbone.1.running_{what}" for what in ("mean", "var")} < before.keys()
    inputs = _batch(_channels(transforms[0]))[0]
    np.testing.assert_array_equal(user.predict(network, inputs), alone)


def test_a_network_that_is_not_frozen_learns_too(user: Any, reprogram: Any) -> None:
    module = reprogram(user.network(), frozen=False)
    before = user.state(module)
    losses, kept = user.fit(module, *_batch(3))
    assert losses[-1] < losses[0]
    assert sum(name.startswith("backbone.") for name in kept) == 6
    for name, value in user.state(module).items():
        assert not np.array_equal(value, before[name]), name


def test_a_frozen_network_is_never_in_training_mode(user: Any, reprogram: Any) -> None:
    module = reprogram(user.network())
    outer = user.inside_another(module)
    for network in (module, outer):
        user.train(network)
        assert module.training
        assert not any(layer.training for layer in (module.backbone, *module.backbone))
    inputs, _ = _batch(3)
    np.testing.assert_array_equal(user.predict(module, inputs), user.predict(outer, inputs))


def test_autograd_does_not_meet_a_frozen_weight() -> None:
    if not is_installed("torch"):
        pytest.skip("torch is not installed")
    user = TorchUser()
    module = _reprogram(import_module("backends.torch"))(user.network()).train()
    image = user.torch.rand(1, 3, 8, 8)
    nodes, leaves = [module(image).sum().grad_fn], set()
    for node in nodes:
        leaves.add(getattr(node, "variable", None))
        nodes += [after for after, _ in node.next_functions if after is not None]
    assert leaves - {None} == {p for n, p in module.named_parameters() if "backbone" not in n}


@every_transform
def test_twins_agree(twins: dict[str, ModuleType], transforms: tuple[Any, Any]) -> None:
    results, losses, state = [], [], None
    inputs, targets = _batch(3)
    for twin in twins.values():
        user = USERS[twin.__name__]()
        module = _reprogram(twin)(user.network(_channels(transforms[0])), *transforms)
        state = state or _distinct(user.state(module))
        user.load(module, state)
        results.append(user.predict(module, inputs))
        losses.append(user.fit(module, inputs, targets)[0])
    assert np.abs(results[0] - results[1]).max() < tolerances.OUTPUT
    # The gradients through the frozen network are the same, or the paths would part. Seen: 1.4e-5.
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_a_network_of_ours_becomes_its_spec(
    backend: ModuleType, reprogram: Any, tmp_path: Path
) -> None:
    backbone, transforms, seed = UNet((4, 6), blocks=1), TRANSFORMS["shared"], 5
    spec = ModelSpec(backbone, *transforms)
    state = initial_state(spec, seed)
    network = backend.build(ModelSpec(backbone))
    weights = {n: v for n, v in state.items() if n.startswith("backbone.")}
    network.load_state({n.removeprefix("backbone."): v for n, v in weights.items()})
    module = reprogram(network, *transforms, seed=seed)
    assert module.spec == replace(spec, frozen=True)
    images, _ = _batch(3)
    expected = forward(spec, state, images.astype(np.float64))
    Checkpoint(module.spec, module.state()).save(tmp_path / "mine.safetensors")
    loaded = backend.load(tmp_path / "mine.safetensors", device="cpu")
    assert np.abs(loaded.predict(images) - expected).max() < 1e-5
    with pytest.raises(OptionError, match="input_transform: expected 3 channels, .* got 4"):
        reprogram(network, *TRANSFORMS["stacked"])
    assert np.abs(USERS[backend.__name__]().predict(module, images) - expected).max() < 1e-5


@every_transform
def test_a_cell_as_a_graph(transforms: tuple[Any, Any]) -> None:
    if not is_installed("mindspore"):
        pytest.skip("mindspore is not installed")
    user = MindSporeUser()
    network = user.network(_channels(transforms[0]))
    module = _reprogram(import_module("backends.mindspore"))(network, *transforms)
    images, _ = _batch(3)
    graph = user.ms.jit(module)(user.ms.Tensor(images)).asnumpy()
    np.testing.assert_allclose(graph, user.predict(module, images), atol=1e-6)


def test_what_is_no_backbone(user: Any, reprogram: Any) -> None:
    images, _ = _batch(3)
    with pytest.raises(OptionError, match=r"backbone: expected a \w+\.nn\.\w+, got function"):
        reprogram(_batch)
    message = r"^backbone {}: returned {} for \(2, 3, 16, 12\); it must return one tensor of .*$"
    name = type(user.network()).__name__
    with pytest.raises(OptionError, match=message.format(name, r"\(2, 1, 16, 12\)")):
        user.predict(reprogram(user.network(3, 1)), images)
    with pytest.raises(OptionError, match=message.format("TwoResults", "no tensor")):
        user.predict(reprogram(user.two_results()), images)


def test_a_reprogrammed_network_restores_arrays(user: Any, reprogram: Any) -> None:
    network = reprogram(user.network(), total_stride=4, halo=2)
    image = np.random.default_rng(0).random((37, 50, 3), dtype=np.float32)
    whole = restore(image, network, tile=0)
    assert whole.shape == image.shape
    assert np.abs(whole - image).max() > 1e-3
    # Four pixels: two of the backbone, one of the phase and one of the output transform.
    assert analyse(network.spec).halo == 4
    np.testing.assert_allclose(restore(image, network, tile=24), whole, atol=1e-5)


def test_predicting_leaves_the_training_mode_as_it_was(user: Any, reprogram: Any) -> None:
    network, (images, _) = reprogram(user.network(), frozen=False), _batch(3)
    user.train(network)
    before = network.state()
    assert np.array_equal(network.predict(images), network.predict(images))  # no dropout
    assert network.training
    assert network.backbone.training
    after = network.state()  # batch statistics, too
    assert all(np.array_equal(value, after[name]) for name, value in before.items())


def test_an_unknown_halo_means_no_tiles(user: Any, reprogram: Any) -> None:
    image, network = np.zeros((40, 40, 3), np.float32), reprogram(user.network())
    assert restore(image, network).shape == image.shape
    with pytest.raises(OptionError, match="use 0 to restore it whole"):
        restore(image, network, tile=32)


@pytest.mark.parametrize("frozen", [True, False])
def test_there_and_back(
    backend: ModuleType, user: Any, reprogram: Any, tmp_path: Path, frozen: bool
) -> None:
    network = reprogram(user.network(), frozen=frozen)
    user.fit(network, *_batch(3))
    path = tmp_path / "mine.safetensors"
    Checkpoint(network.spec, network.state()).save(path)
    fresh = user.network()
    assert not np.array_equal(user.state(fresh)["0.weight"], network.state()["backbone.0.weight"])
    loaded = backend.load(path, device="cpu", backbone=fresh)
    assert loaded.spec == network.spec
    images, _ = _batch(3)
    expected = user.predict(network, images)
    np.testing.assert_allclose(loaded.predict(images), expected, atol=tolerances.OUTPUT)
    assert _learning(loaded) == _learning(network)


def test_it_is_evaluated(backend: ModuleType, user: Any, reprogram: Any, tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    image = np.random.default_rng(0).integers(0, 256, (24, 28, 3), np.uint8)
    write(tmp_path / "clean" / "a.png", Picture(image))
    models, folders = [("mine", reprogram(user.network()))], [str(tmp_path / "clean")]
    results = osr.evaluate(
        models, folders, tmp_path / "report", degradations=["noise:25"], backend=backend.name
    )
    assert {row.model for row in results.rows} >= {"input", "mine"}


def test_it_loads_in_the_other_framework(twins: dict[str, ModuleType], tmp_path: Path) -> None:
    outputs = {}
    images, _ = _batch(3)
    for name, twin in twins.items():
        user = USERS[twin.__name__]()
        network = _reprogram(twin)(user.network())
        Checkpoint(network.spec, network.state()).save(tmp_path / f"{name}.safetensors")
        outputs[name] = user.predict(network, images)
    for name, twin in twins.items():
        user, other = USERS[twin.__name__](), next(n for n in twins if n != name)
        file = tmp_path / f"{other}.safetensors"
        # The class of a sequence has another name there, which does not matter.
        loaded = twin.load(file, device="cpu", backbone=user.network())
        assert np.abs(loaded.predict(images) - outputs[other]).max() < tolerances.OUTPUT


def test_backbones_given_and_not_given(backend: ModuleType, user: Any, tmp_path: Path) -> None:
    network = _reprogram(backend)(user.network())
    path = tmp_path / "mine.safetensors"
    Checkpoint(network.spec, network.state()).save(path)
    name = type(user.network()).__name__
    with pytest.raises(ModelError, match=rf"{name}; give it .* backbone=network"):
        backend.load(path)
    with pytest.raises(ModelError, match="give none"):
        backend.load("osr-sr", backbone=user.network())
    with pytest.raises(CheckpointError, match=r"backbone\.0\.weight: shape"):
        backend.load(path, backbone=user.network(4, 3))
    with pytest.raises(ModelError, match="known in its own framework only"):
        forward(network.spec, network.state(), _batch(3)[0])


def _learning(network: Any) -> list[str]:
    named = network.parameters_and_names if hasattr(network, "construct") else None
    named = named or network.named_parameters
    return sorted(name for name, weight in named() if weight.requires_grad)


def _reprogram(backend: ModuleType) -> Any:
    return import_module(f"{backend.__name__}.reprogramming").reprogram


def _channels(transform: InputTransform) -> int:
    return transform.channels * (2 if transform.layout == "stacked" else 1)


def _batch(channels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Images, and the same darker and with the channels swapped."""
    images = np.random.default_rng(0).random((2, channels, 16, 12), dtype=np.float32)
    return images, np.ascontiguousarray(0.5 * images[:, ::-1])


def _distinct(state: State) -> State:
    """Weights of which no two are equal; variances about one."""
    rng = np.random.default_rng(1)
    return {
        name: (rng.uniform(-0.4, 0.4, value.shape) + name.endswith("var")).astype(np.float32)
        for name, value in state.items()
    }
