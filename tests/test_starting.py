"""Weights that come from elsewhere: a frozen specialist's, or a whole model's to train further."""

from dataclasses import replace

import numpy as np
import pytest
from training_runs import SPEC, make_images, make_recipe, make_samples, make_trainer, run

from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError
from osr_core.spec import InputTransform
from osr_core.training.recipe import Optimizer, Start
from osr_core.training.starting import starting_state


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


@pytest.fixture
def frozen(backend, folder, tmp_path):
    """A recipe around a frozen specialist, and the specialist's weights."""
    plain = replace(SPEC, input_transform=None, output_transform=None)
    run(backend, make_samples(folder, spec=plain), tmp_path / "specialist")
    weights = tmp_path / "specialist" / "model.safetensors"
    turn = replace(SPEC.input_transform, channels=3, feed="turn")
    spec = replace(SPEC, input_transform=turn, frozen=True)
    changes = {"spec": spec, "backbone": Start(str(weights))}
    return changes, Checkpoint.load(weights)


def test_a_frozen_specialist_stays(backend, folder, frozen, tmp_path):
    changes, specialist = frozen
    samples = make_samples(folder, **changes)
    weights, _ = run(backend, samples, tmp_path / "run")
    start, about = starting_state(samples.recipe)
    assert about["backbone"]["provenance"] == specialist.provenance
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
    other = replace(recipe.spec, input_transform=replace(recipe.spec.input_transform, feed="joint"))
    with pytest.raises(CheckpointError, match=r"backbone\.weights .*3 channels.*6 channels"):
        starting_state(replace(recipe, spec=other))


def test_a_model_is_trained_further(backend, folder, tmp_path):
    run(backend, make_samples(folder), tmp_path / "first")
    weights = tmp_path / "first" / "model.safetensors"
    samples = make_samples(folder, weights=str(weights), optimizer=Optimizer(rate=1e-9))
    state, _ = run(backend, samples, tmp_path / "second")
    first = Checkpoint.load(weights)
    for name, value in first.state.items():
        assert np.allclose(value, state[name], atol=1e-7), name
    assert starting_state(samples.recipe)[1]["start"]["provenance"] == first.provenance
    other = replace(samples.recipe, spec=replace(SPEC, input_transform=InputTransform(3)))
    with pytest.raises(CheckpointError, match=r"recipe\.weights .*another network"):
        starting_state(other)
