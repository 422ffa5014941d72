"""Initial weights from files: of a frozen backbone, of frozen experts, or of a whole model."""

from dataclasses import replace

import numpy as np
import pytest
from training_runs import SPEC, make_images, make_recipe, make_samples, make_trainer, train

from osr.training.init_weights import initial_weights
from osr.training.recipe import PREVIOUS, Init
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError
from osr_core.initial import initial_state
from osr_core.reference import forward
from osr_core.spec import Experts, InputTransform, ModelSpec, UNet
from osr_core.training.options import Optimizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


def save_model(path, spec, seed=7):
    """A model that might have been trained."""
    about = {"recipe": {"steps": seed}, "provenance": {"seed": seed}}
    Checkpoint(spec, initial_state(spec, seed), **about).save(path)
    return path


@pytest.fixture
def frozen(tmp_path):
    """A recipe around a frozen specialist, and the specialist's weights."""
    plain = replace(SPEC, input_transform=None, output_transform=None)
    weights = save_model(tmp_path / "specialist.safetensors", plain)
    turn = replace(SPEC.input_transform, channels=3, layout="shared")
    spec = replace(SPEC, input_transform=turn, frozen=True)
    changes = {"spec": spec, "init": Init(backbone=str(weights))}
    return changes, Checkpoint.load(weights)


def test_a_frozen_specialist_stays(backend, folder, frozen, tmp_path):
    changes, specialist = frozen
    samples = make_samples(folder, **changes)
    weights, _ = train(backend, samples, tmp_path / "run")
    start, about = initial_weights(samples.recipe)
    assert about["init"][0]["provenance"] == specialist.provenance
    for name, value in weights.items():
        inside = name.removeprefix("backbone.")
        if inside != name:
            assert np.array_equal(value, specialist.state[inside]), name
        else:
            assert not np.array_equal(value, start[name]), name
    published = Checkpoint.load(tmp_path / "run" / "model.safetensors")
    assert np.array_equal(published.state["backbone.head.weight"], specialist.state["head.weight"])


def test_a_frozen_backbone_costs_nothing(backend, folder, frozen):
    samples = make_samples(folder, **frozen[0])
    trainer = make_trainer(backend, samples.recipe)
    _, grads = trainer.gradients(*samples.batch(0))
    assert grads
    assert not any(name.startswith("backbone.") for name in grads)
    assert not any("backbone." in name for name in trainer.state())
    if backend.__name__ == "backends.torch":
        assert all(weight.grad is None for weight in trainer.network.backbone.parameters())


def test_a_specialist_that_does_not_fit(folder, frozen):
    recipe = make_recipe(folder, **frozen[0])
    other = replace(
        recipe.spec, input_transform=replace(recipe.spec.input_transform, layout="stacked")
    )
    with pytest.raises(CheckpointError, match=r"init\.backbone .*3 channels.*6 channels"):
        initial_weights(replace(recipe, spec=other))


def test_a_model_is_trained_further(any_backend, folder, tmp_path):
    weights = save_model(tmp_path / "first.safetensors", SPEC)
    init = Init(model=str(weights))
    samples = make_samples(folder, init=init, optimizer=Optimizer(lr=1e-9))
    state, _ = train(any_backend, samples, tmp_path / "second")
    first = Checkpoint.load(weights)
    for name, value in first.state.items():
        assert np.allclose(value, state[name], atol=1e-7), name
    assert initial_weights(samples.recipe)[1]["init"][0]["provenance"] == first.provenance
    other = replace(samples.recipe, spec=replace(SPEC, input_transform=InputTransform(3)))
    with pytest.raises(CheckpointError, match=r"recipe\.init\.model .*another network"):
        initial_weights(other)


def test_a_wider_network_starts_as_the_same_function(folder, tmp_path):
    narrow = ModelSpec(UNet((8, 12, 16), 1, context=(4, 6)))
    weights = save_model(tmp_path / "narrow.safetensors", narrow)
    wide = replace(narrow, backbone=replace(narrow.backbone, widths=(10, 12, 20)))
    recipe = make_recipe(folder, spec=wide, init=Init(model=str(weights)))
    state, _ = initial_weights(recipe)
    images, thumbnail = np.random.default_rng(0).random((2, 1, 3, 32, 32), np.float32)
    expected = forward(narrow, Checkpoint.load(weights).state, images, thumbnail)
    assert np.allclose(forward(wide, state, images, thumbnail), expected, atol=1e-5)
    assert np.all(state["head.weight"][8:])  # the new channels are not dead
    for other in (UNet((7, 12, 16), 1), UNet((8, 12, 16), 2), UNet((8, 12), 1)):
        changed = ModelSpec(replace(other, context=(4, 6)))
        with pytest.raises(CheckpointError, match=r"recipe\.init\.model .*another network"):
            initial_weights(replace(recipe, spec=changed))


def test_a_context_branch_is_added(any_backend, folder, tmp_path):
    weights = save_model(tmp_path / "plain.safetensors", ModelSpec(SPEC.backbone))
    spec = ModelSpec(replace(SPEC.backbone, context=(4, 6)), frozen=True)
    state, _ = initial_weights(make_recipe(folder, spec=spec, init=Init(model=str(weights))))
    first = Checkpoint.load(weights).state
    assert {n for n in state if n not in first} == {n for n in state if n.startswith("context")}
    assert all(np.array_equal(state[name], value) for name, value in first.items())
    samples = make_samples(folder, spec=spec, init=Init(model=str(weights)))
    trained, _ = train(any_backend, samples, tmp_path / "run")
    changed = {name for name, value in state.items() if not np.array_equal(trained[name], value)}
    assert changed == {name for name in state if name.startswith("context")}


@pytest.fixture
def experts(tmp_path):
    """What makes a recipe one of frozen experts, and the two specialists that they are."""
    files = []
    for index, width in enumerate((8, 6)):
        plain = ModelSpec(replace(SPEC.backbone, widths=(width, 8)))
        files.append(str(save_model(tmp_path / f"{index}.safetensors", plain, index)))
    unets = tuple(Checkpoint.load(file).spec.backbone for file in files)
    spec = ModelSpec(Experts(unets, unets[0], 2), frozen=True)
    changes = {"spec": spec, "init": Init(experts=tuple(files))}
    return changes, [Checkpoint.load(file) for file in files]


def test_frozen_experts_stay_and_their_gates_learn(backend, folder, experts, tmp_path):
    changes, specialists = experts
    samples = make_samples(folder, **changes)
    weights, _ = train(backend, samples, tmp_path / "run")
    start, about = initial_weights(samples.recipe)
    assert [part["provenance"] for part in about["init"]] == [s.provenance for s in specialists]
    for name, value in weights.items():
        part, index, inside = name.split(".", 2)
        if part == "experts":
            assert np.array_equal(value, specialists[int(index)].state[inside]), name
        else:
            assert not np.array_equal(value, start[name]), name
    trainer = make_trainer(backend, samples.recipe)
    _, grads = trainer.gradients(*samples.batch(0))
    assert {name.split(".")[0] for name in grads} == {"wave", "gate", "gates"}


@pytest.mark.parametrize("model", [PREVIOUS, "file"])
def test_experts_are_replaced_and_the_gating_network_stays(folder, experts, tmp_path, model):
    recipe = make_recipe(folder, **experts[0])
    trained = save_model(tmp_path / "trained.safetensors", recipe.spec, 5)
    init = Init(PREVIOUS if model == PREVIOUS else str(trained), experts=recipe.init.experts)
    state, about = initial_weights(replace(recipe, init=init), trained)
    whole = Checkpoint.load(trained).state
    for name, value in state.items():
        part, index, inside = name.split(".", 2)
        expected = experts[1][int(index)].state[inside] if part == "experts" else whole[name]
        assert np.array_equal(value, expected), name
    names = [file["name"] for file in about["init"]]
    assert names == [*[str(trained)][model == PREVIOUS :], *recipe.init.experts]


def test_experts_that_do_not_fit(folder, experts):
    recipe = make_recipe(folder, **experts[0])
    first, second = recipe.init.experts
    for files, message in (
        ((first,), "1 files for 2 experts"),
        ((second, first), r"experts .*is UNet\(widths=\(6, 8\).*recipe\.spec UNet\(widths=\(8"),
    ):
        with pytest.raises(CheckpointError, match=message):
            initial_weights(replace(recipe, init=Init(experts=files)))
    with pytest.raises(CheckpointError, match="2 files for 0 experts"):
        initial_weights(replace(recipe, spec=ModelSpec(SPEC.backbone)))
