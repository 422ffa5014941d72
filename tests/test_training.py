"""Samples are a pure function of (seed, step); a run learns, and resumes as if never broken."""

import json
from dataclasses import replace

import numpy as np
import pytest

from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, DeviceError, ImageError, OptionError, SpecError
from osr_core.images import Picture, write
from osr_core.recipe import Recipe
from osr_core.sampling import Samples, batches, find_pairs
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet
from osr_core.training import train

SPEC = ModelSpec(UNet((8, 8), 1), InputTransform(2), OutputTransform(4, residual=True))
SHARES = {"clean": 1.0, "pairs": 1.0, "noise": 4.0, "haze": 1.0, "rain": 1.0, "mixture": 1.0}
RECIPE = Recipe(SPEC, SHARES, steps=6, batch=3, crop=16, warmup=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Smooth coloured pictures, and two of them damaged."""
    folder = tmp_path_factory.mktemp("data")
    rows, columns = np.mgrid[:60, :80] / 80
    for index in range(3):
        planes = (rows, columns, np.cos(index + 3 * rows * columns) ** 2)
        pixels = np.stack(planes, 2)
        write(folder / f"{index}.png", Picture((pixels * 255).astype(np.uint8)))
    (folder / "damaged").mkdir()
    for index in range(2):
        write(folder / "damaged" / f"{index}.png", Picture((pixels * 128).astype(np.uint8)))
    return folder


@pytest.fixture
def samples(folder):
    clear = tuple(sorted(folder.glob("*.png")))
    return Samples(RECIPE, clear, find_pairs(sorted((folder / "damaged").iterdir()), clear))


def test_a_batch_is_a_function_of_seed_and_step(samples):
    inputs, targets = samples.batch(3)
    assert inputs.shape == targets.shape == (3, 3, 16, 16)
    assert inputs.dtype == np.float32
    again = samples.batch(3)
    assert np.array_equal(inputs, again[0])
    assert np.array_equal(targets, again[1])
    assert not np.array_equal(inputs, samples.batch(4)[0])
    other = replace(samples, recipe=replace(RECIPE, seed=1))
    assert not np.array_equal(inputs, other.batch(3)[0])


def test_loader_processes_change_nothing(samples):
    here = list(batches(samples, 2, workers=0))
    there = list(batches(samples, 2, workers=2))
    assert len(here) == len(there) == 4
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])


@pytest.mark.parametrize("kind", SHARES)
def test_each_kind_of_sample(samples, kind):
    only = replace(samples, recipe=replace(RECIPE, shares={kind: 1.0, "noise": 0.0, "haze": 1e-9}))
    inputs, targets = only.batch(0)
    assert np.isfinite(inputs).all()
    assert targets.min() >= 0
    assert targets.max() <= 1
    assert np.array_equal(inputs, targets) == (kind == "clean")


def test_what_is_missing_is_named(samples, folder):
    with pytest.raises(OptionError, match="shares.pairs"):
        replace(samples, pairs=())
    with pytest.raises(OptionError, match="shares.fog"):
        replace(samples, recipe=replace(RECIPE, shares={"fog": 1.0}))
    with pytest.raises(ImageError, match=r"2\.png: no clear image"):
        find_pairs([folder / "2.png"], [folder / "0.png"])


def test_the_schedule():
    recipe = replace(RECIPE, steps=100, warmup=10, learning_rate=1.0)
    assert recipe.rate(0) == pytest.approx(0.1)
    assert recipe.rate(9) == recipe.rate(10) == 1.0
    assert recipe.rate(55) == pytest.approx(0.5)
    assert recipe.rate(100) == pytest.approx(0.0)


def test_recipes_there_and_back(tmp_path):
    assert Recipe.from_dict(json.loads(json.dumps(RECIPE.to_dict()))) == RECIPE
    path = tmp_path / "recipe.toml"
    path.write_text("steps = 3\n[shares]\nclean = 1\n[spec]\nversion = 1\nbackbone.kind = 'unet'\n")
    assert Recipe.load(path).spec == ModelSpec(UNet())
    for text in ("steps = ", "colour = 1", "[spec]\nversion = 1", "steps = 0"):
        path.write_text(text)
        with pytest.raises(OptionError, match=r"recipe\.toml: "):
            Recipe.load(path)
    with pytest.raises(SpecError):
        Recipe.from_dict({"spec": {}})


def test_a_run_learns(backend, samples, tmp_path):
    recipe = replace(RECIPE, steps=60, shares={"noise": 1.0}, learning_rate=5e-3)
    trainer = backend.Trainer(backend.build(SPEC), recipe)
    inputs, targets = samples.batch(0)
    first = trainer.gradients(inputs, targets)[0]
    for _ in range(60):
        trainer.step(inputs, targets, 5e-3)
    assert trainer.gradients(inputs, targets)[0] < 0.7 * first


def _run(backend, samples, folder):
    trainer = backend.Trainer(backend.build(SPEC), RECIPE)
    train(trainer, samples, folder, provenance={"data": "test"}, workers=0)
    return trainer.network.state()


class _KilledError(Exception):
    """Stands for whatever ends a run in the middle."""


def test_a_broken_run_resumes_to_the_same_bits(backend, samples, tmp_path, monkeypatch):
    monkeypatch.setattr("osr_core.training.SAVE_EVERY", 2)
    whole = _run(backend, samples, tmp_path / "whole")

    def killed(*args, **kwargs):
        for number, batch in enumerate(batches(*args, **kwargs)):
            if number == 5:
                raise _KilledError
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr("osr_core.training.batches", killed)
        with pytest.raises(_KilledError):
            _run(backend, samples, tmp_path / "broken")
    broken = _run(backend, samples, tmp_path / "broken")
    for name, value in whole.items():
        assert np.array_equal(value, broken[name]), name
    models = [Checkpoint.load(tmp_path / n / "model.safetensors") for n in ("whole", "broken")]
    for name, value in models[0].state.items():
        assert np.array_equal(value, models[1].state[name]), name


def test_a_run_does_not_take_up_another_recipes_state(backend, samples, tmp_path):
    _run(backend, samples, tmp_path)
    other = replace(RECIPE, seed=1)
    trainer = backend.Trainer(backend.build(SPEC), other)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(trainer, replace(samples, recipe=other), tmp_path, provenance={}, workers=0)


def test_a_step_that_is_not_finite_changes_nothing(backend):
    trainer = backend.Trainer(backend.build(SPEC), RECIPE)
    before = trainer.network.state()
    images = np.full((1, 3, 16, 16), np.nan, np.float32)
    assert np.isnan(trainer.step(images, images, 1e-3))
    after = trainer.network.state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_precision_that_the_device_lacks_is_refused(backend):
    if backend.__name__ == "backends.torch":
        pytest.skip("PyTorch computes in bfloat16 on any CPU")
    with pytest.raises(DeviceError, match="precision bfloat16"):
        backend.Trainer(backend.build(SPEC), replace(RECIPE, precision="bfloat16"))


def test_a_frozen_backbone_stays(backend, samples):
    spec = replace(SPEC, frozen=True)
    trainer = backend.Trainer(backend.build(spec), replace(RECIPE, spec=spec))
    before = trainer.network.state()
    trainer.step(*samples.batch(0), 1e-2)
    after = trainer.network.state()
    for name in before:
        same = np.array_equal(before[name], after[name])
        assert same == name.startswith("backbone."), name
    assert not any(name.startswith("first.backbone.") for name in trainer.state())
