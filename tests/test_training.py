"""Steps and runs in each backend: they learn, resume to the same bits, and agree."""

import json

import numpy as np
import pytest
import tolerances
from training_runs import (
    assert_equal,
    make_images,
    make_recipe,
    make_samples,
    make_trainer,
    train,
)

from osr.training.loading import batches
from osr.training.recipe import Validation
from osr_core.checkpoint import Checkpoint
from osr_core.errors import DeviceError, OptionError
from osr_core.training.options import Optimizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


@pytest.fixture
def samples(folder):
    return make_samples(folder)


def test_a_run_learns(backend, folder):
    recipe = make_recipe(folder, sampling_weights={"noise": 1.0}, optimizer=Optimizer(lr=5e-3))
    trainer = make_trainer(backend, recipe)
    inputs, targets = make_samples(folder, sampling_weights={"noise": 1.0}).batch(0)
    first = trainer.gradients(inputs, targets)[0]
    for _ in range(15):
        trainer.step(inputs, targets, 1e-2)
    assert trainer.gradients(inputs, targets)[0] < 0.9 * first


def test_what_one_trained_the_other_restores_with(twins, samples, tmp_path):
    images = samples.batch(9)[0].clip(0, 1)
    for ours, theirs in (("torch", "mindspore"), ("mindspore", "torch")):
        train(twins[ours], samples, tmp_path / ours)
        path = tmp_path / ours / "model.safetensors"
        one, other = (twins[name].load(path, "cpu").predict(images) for name in (ours, theirs))
        assert np.abs(one - other).max() < tolerances.OUTPUT


class _KilledError(Exception):
    """Stands for whatever ends a run in the middle."""


def test_a_broken_run_resumes_to_the_same_bits(backend, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("osr.training.run_state.EMA_EVERY", 2)
    monkeypatch.setattr("osr.training.loop.EMA_EVERY", 2)
    samples = make_samples(folder, steps=7)
    whole, _ = train(backend, samples, tmp_path / "whole")

    def killed(*args, **kwargs):
        for number, batch in enumerate(batches(*args, **kwargs)):
            if number == 5:
                raise _KilledError
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr("osr.training.loop.batches", killed)
        with pytest.raises(_KilledError):
            train(backend, samples, tmp_path / "broken")
    broken, _ = train(backend, samples, tmp_path / "broken")
    assert_equal(whole, broken)
    models = [Checkpoint.load(tmp_path / n / "model.safetensors") for n in ("whole", "broken")]
    assert_equal(models[0].state, models[1].state)


def test_a_run_resumes_in_the_other_backend(twins, folder, tmp_path):
    samples = make_samples(folder, validation=Validation(samples=0))
    short = make_samples(folder, validation=Validation(samples=0), checkpoint_every=3)
    for first, second in (("torch", "mindspore"), ("mindspore", "torch")):
        there = tmp_path / first
        whole, _ = train(twins[first], short, there)
        (there / "state-00000006.safetensors").unlink()  # as if killed after the third step
        resumed, summary = train(twins[second], samples, there)
        assert summary.step == 6
        for name, value in whole.items():
            assert np.allclose(value, resumed[name], atol=5e-5), name


def test_a_step_that_is_not_finite_changes_nothing(backend, folder):
    trainer = make_trainer(backend, make_recipe(folder))
    before, moments = trainer.network.state(), trainer.state()
    images = np.full((4, 3, 16, 16), np.nan, np.float32)
    assert np.isnan(trainer.step(images, images, 1e-3))
    assert_equal(before, trainer.network.state())
    assert_equal(moments, trainer.state())


def test_a_precision_that_the_device_lacks_is_refused(backend, folder):
    if backend.__name__ == "backends.torch":
        pytest.skip("PyTorch computes in bfloat16 on any CPU")
    with pytest.raises(DeviceError, match="precision bfloat16"):
        make_trainer(backend, make_recipe(folder, precision="bfloat16"))


@pytest.mark.slow
def test_float16_scales_the_loss(backend, folder, tmp_path, monkeypatch):
    """A factor that overflows is halved until it fits; the overflows are no failures."""
    monkeypatch.setattr("osr.training.run_state.INIT_SCALE", 2.0**40)
    samples = make_samples(folder, precision="float16", max_skipped_steps=1, steps=40)
    _, summary = train(backend, samples, tmp_path)
    assert 3 < summary.skipped < 35
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    scales = [json.loads(line).get("loss_scale") for line in lines]
    assert 1 < min(s for s in scales if s) < 2.0**36


def test_the_perceptual_loss_needs_its_weights(backend, folder):
    with pytest.raises(OptionError, match="vgg"):
        make_trainer(backend, make_recipe(folder, loss={"perceptual": 1.0}))
