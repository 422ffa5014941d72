"""A run learns, resumes as if never broken, and survives what goes wrong around it."""

import errno
import json
import os
from dataclasses import replace

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

from osr.training.init_weights import initial_weights
from osr.training.loading import batches
from osr.training.recipe import Recipe
from osr.training.recipe_tables import Validation
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, DeviceError, OptionError, TrainingError
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
    for _ in range(60):
        trainer.step(inputs, targets, 5e-3)
    assert trainer.gradients(inputs, targets)[0] < 0.7 * first


def test_what_a_run_leaves(backend, samples, tmp_path):
    weights, summary = train(backend, samples, tmp_path)
    assert summary.finished
    assert summary.step == 6
    assert summary.psnr > 5
    assert summary.best >= summary.psnr
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    states = ["state-00000004.safetensors", "state-00000006.safetensors"]
    assert names == ["best.safetensors", "model.safetensors", *states]
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == [
        "step-00000003.png",
        "step-00000006.png",
    ]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = [line for line in lines if "loss" in line]
    assert [line["step"] for line in losses] == [1, 2, 3, 4, 5, 6]
    assert losses[0].keys() >= {"learning_rate", "images_per_second", "waiting", "skipped"}
    assert [line["step"] for line in lines if "psnr" in line] == [3, 6]
    published = Checkpoint.load(tmp_path / "model.safetensors")
    assert published.recipe["steps"] == 6
    assert published.provenance["data"] == "test"
    assert_equal(weights, published.state)


def test_short_runs_publish_what_was_trained(backend, folder, tmp_path):
    """The EMA holds the last step's weights, whatever the number of steps."""
    for steps in (1, 9, 11, 15):
        samples = make_samples(folder, steps=steps, checkpoint_every=100)
        weights, _ = train(backend, samples, tmp_path / str(steps))
        published = Checkpoint.load(tmp_path / str(steps) / "model.safetensors").state
        start = initial_weights(samples.recipe)[0]
        for name, value in weights.items():
            to_end, to_start = (np.abs(published[name] - w).max() for w in (value, start[name]))
            assert to_end <= 0.6 * to_start, (steps, name)


def test_no_average_publishes_the_weights(backend, folder, tmp_path):
    weights, _ = train(backend, make_samples(folder, ema_decay=0.0), tmp_path)
    assert_equal(weights, Checkpoint.load(tmp_path / "model.safetensors").state)


def test_what_one_trained_the_other_restores_with(twins, samples, tmp_path):
    images = samples.batch(9)[0].clip(0, 1)
    for ours, theirs in (("torch", "mindspore"), ("mindspore", "torch")):
        train(twins[ours], samples, tmp_path / ours)
        path = tmp_path / ours / "model.safetensors"
        one, other = (twins[name].load(path, "cpu").predict(images) for name in (ours, theirs))
        assert np.abs(one - other).max() < tolerances.OUTPUT


def test_tensorboard_gets_numbers_and_pictures(backend, samples, tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="no tensorboard"
    )
    _, summary = train(backend, samples, tmp_path)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4, 5, 6]
    assert events.Scalars("psnr")[-1].value == pytest.approx(summary.psnr, rel=1e-6)
    assert events.Images("samples")[0].encoded_image_string.startswith(b"\x89PNG")


class _KilledError(Exception):
    """Stands for whatever ends a run in the middle."""


def test_a_broken_run_resumes_to_the_same_bits(backend, folder, tmp_path, monkeypatch):
    samples = make_samples(folder, steps=14)
    whole, _ = train(backend, samples, tmp_path / "whole")

    def killed(*args, **kwargs):
        for number, batch in enumerate(batches(*args, **kwargs)):
            if number == 11:
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


def test_a_run_goes_on_in_the_other_backend(twins, folder, tmp_path):
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


def test_what_cannot_be_resumed(backend, samples, folder, tmp_path):
    train(backend, samples, tmp_path)
    with pytest.raises(TrainingError, match="holds a run; add --resume"):
        train(backend, samples, tmp_path, resume=False)
    with pytest.raises(TrainingError, match=r"has another recipe\.seed"):
        train(backend, make_samples(folder, seed=1), tmp_path)
    fewer = replace(samples, photographs=samples.photographs[1:])
    with pytest.raises(TrainingError, match="other images"):
        train(backend, fewer, tmp_path)
    (tmp_path / "state-00000006.safetensors").write_bytes(b"half of it")
    with pytest.raises(CheckpointError, match="state-00000006"):
        train(backend, samples, tmp_path)


def test_a_step_that_is_not_finite_changes_nothing(backend, folder):
    trainer = make_trainer(backend, make_recipe(folder))
    before, moments = trainer.network.state(), trainer.state()
    images = np.full((4, 3, 16, 16), np.nan, np.float32)
    assert np.isnan(trainer.step(images, images, 1e-3))
    assert_equal(before, trainer.network.state())
    assert_equal(moments, trainer.state())


def _poisoned(bad):
    """Batches of which some are not finite."""

    def made(*args, **kwargs):
        for step, (inputs, targets) in enumerate(batches(*args, **kwargs)):
            yield inputs * (np.float32("nan") if step in bad else np.float32(1)), targets

    return made


def test_steps_that_are_not_finite_are_counted(backend, samples, tmp_path, monkeypatch):
    monkeypatch.setattr("osr.training.loop.batches", _poisoned({1, 3}))
    weights, summary = train(backend, samples, tmp_path)
    assert summary.skipped == 2
    assert all(np.isfinite(value).all() for value in weights.values())


def test_too_many_of_them_end_the_run(backend, folder, tmp_path, monkeypatch):
    samples = make_samples(folder, max_skipped_steps=2)
    monkeypatch.setattr("osr.training.loop.batches", _poisoned({2, 3}))
    message = r"step 4: training diverged: no finite loss for 2 steps; .*state-00000002"
    with pytest.raises(TrainingError, match=message):
        train(backend, samples, tmp_path)
    Checkpoint.load(tmp_path / "model.safetensors")  # the last good one
    assert [path.name for path in tmp_path.glob("state-*")] == ["state-00000002.safetensors"]


def test_a_diverging_run_keeps_its_last_good_state(backend, samples, tmp_path, monkeypatch):
    """Weights may be finite where pictures are black or grey."""
    monkeypatch.setattr(Recipe, "lr", lambda self, step: 1e-3 if step < 2 else 100.0)
    with pytest.raises(TrainingError, match=r"diverged: .*last good state is .*0002\.safetensors"):
        train(backend, samples, tmp_path / "run")
    kept = sorted(path.name for path in (tmp_path / "run").glob("*.safetensors"))
    assert kept == ["model.safetensors", "state-00000002.safetensors"]
    restored = backend.load(tmp_path / "run" / "model.safetensors").predict(samples.batch(0)[0])
    assert np.abs(restored - samples.batch(0)[1]).mean() < 0.5
    monkeypatch.setattr(Recipe, "lr", lambda self, step: 100.0)
    with pytest.raises(TrainingError, match=r"step 2: .*no state was good"):
        train(backend, samples, tmp_path / "new")
    assert not list((tmp_path / "new").glob("*.safetensors"))


def test_a_full_disk_does_not_lose_the_run(backend, samples, tmp_path, monkeypatch, capsys):
    from pathlib import Path

    write, full = Path.write_bytes, True

    def write_bytes(path, content):
        if full and b'"numbers"' in content:  # a state
            write(path, content[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(CheckpointError, match=r"state-00000006.*No space left on device"):
        train(backend, samples, tmp_path)
    said = capsys.readouterr()
    assert "state-00000002.safetensors: cannot be written: No space left" in said.out + said.err
    assert not list(tmp_path.glob("state-*")), "nothing half-written"
    assert not list(tmp_path.glob(".osr-*"))
    full = False
    _, summary = train(backend, samples, tmp_path)
    assert summary.finished


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
