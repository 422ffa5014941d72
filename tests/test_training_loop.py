"""The training loop: what a run writes, when it validates, what ends it."""

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from training_runs import assert_equal, make_images, make_samples, train

from osr.training.init_weights import initial_weights
from osr.training.loading import batches
from osr.training.recipe import Recipe
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, TrainingError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


@pytest.fixture
def samples(folder):
    return make_samples(folder)


def test_what_a_run_leaves(any_backend, samples, tmp_path):
    weights, summary = train(any_backend, samples, tmp_path)
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


def test_short_runs_publish_what_was_trained(any_backend, folder, tmp_path):
    """The EMA holds the last step's weights, whatever the number of steps."""
    for steps in (1, 9, 11, 15):
        samples = make_samples(folder, steps=steps, checkpoint_every=100)
        weights, _ = train(any_backend, samples, tmp_path / str(steps))
        published = Checkpoint.load(tmp_path / str(steps) / "model.safetensors").state
        start = initial_weights(samples.recipe)[0]
        for name, value in weights.items():
            to_end, to_start = (np.abs(published[name] - w).max() for w in (value, start[name]))
            assert to_end <= 0.6 * to_start, (steps, name)


def test_no_average_publishes_the_weights(any_backend, folder, tmp_path):
    weights, _ = train(any_backend, make_samples(folder, ema_decay=0.0), tmp_path)
    assert_equal(weights, Checkpoint.load(tmp_path / "model.safetensors").state)


def test_tensorboard_gets_numbers_and_pictures(any_backend, samples, tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="no tensorboard"
    )
    _, summary = train(any_backend, samples, tmp_path)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4, 5, 6]
    assert events.Scalars("psnr")[-1].value == pytest.approx(summary.psnr, rel=1e-6)
    assert events.Images("samples")[0].encoded_image_string.startswith(b"\x89PNG")


def test_what_cannot_be_resumed(any_backend, samples, folder, tmp_path):
    train(any_backend, samples, tmp_path)
    with pytest.raises(TrainingError, match="holds a run; add --resume"):
        train(any_backend, samples, tmp_path, resume=False)
    with pytest.raises(TrainingError, match=r"has another recipe\.seed"):
        train(any_backend, make_samples(folder, seed=1), tmp_path)
    fewer = replace(samples, photographs=samples.photographs[1:])
    with pytest.raises(TrainingError, match="other images"):
        train(any_backend, fewer, tmp_path)
    for path in tmp_path.glob("state-*"):
        path.write_bytes(b"half of it")
    with pytest.raises(CheckpointError, match=r"state-00000006.*; no state can be read"):
        train(any_backend, samples, tmp_path)


def _poisoned(bad):
    """Batches of which some are not finite."""

    def made(*args, **kwargs):
        for step, (inputs, targets) in enumerate(batches(*args, **kwargs)):
            yield inputs * (np.float32("nan") if step in bad else np.float32(1)), targets

    return made


def test_steps_that_are_not_finite_are_counted(any_backend, samples, tmp_path, monkeypatch):
    monkeypatch.setattr("osr.training.loop.batches", _poisoned({1, 3}))
    weights, summary = train(any_backend, samples, tmp_path)
    assert summary.skipped == 2
    assert all(np.isfinite(value).all() for value in weights.values())


def test_too_many_of_them_end_the_run(any_backend, folder, tmp_path, monkeypatch):
    samples = make_samples(folder, max_skipped_steps=2)
    monkeypatch.setattr("osr.training.loop.batches", _poisoned({2, 3}))
    message = r"step 4: training diverged: no finite loss for 2 steps; .*state-00000002"
    with pytest.raises(TrainingError, match=message):
        train(any_backend, samples, tmp_path)
    Checkpoint.load(tmp_path / "model.safetensors")  # the last good one
    assert [path.name for path in tmp_path.glob("state-*")] == ["state-00000002.safetensors"]


def test_a_diverging_run_keeps_its_last_good_state(any_backend, samples, tmp_path, monkeypatch):
    """Weights may be finite where pictures are black or grey."""
    monkeypatch.setattr(Recipe, "lr", lambda self, step: 1e-3 if step < 2 else 100.0)
    with pytest.raises(TrainingError, match=r"diverged: .*last good state is .*0002\.safetensors"):
        train(any_backend, samples, tmp_path / "run")
    kept = sorted(path.name for path in (tmp_path / "run").glob("*.safetensors"))
    assert kept == ["model.safetensors", "state-00000002.safetensors"]
    restored = any_backend.load(tmp_path / "run" / "model.safetensors").predict(samples.batch(0)[0])
    assert np.abs(restored - samples.batch(0)[1]).mean() < 0.5
    monkeypatch.setattr(Recipe, "lr", lambda self, step: 100.0)
    with pytest.raises(TrainingError, match=r"step 2: .*no good state was saved"):
        train(any_backend, samples, tmp_path / "new")
    assert not list((tmp_path / "new").glob("*.safetensors"))


def test_a_full_disk_does_not_lose_the_run(any_backend, samples, tmp_path, monkeypatch, caplog):
    replace_file, full = os.replace, True

    def replacing(source, target):
        if full and target.name.startswith("state-"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", replacing)
    with pytest.raises(CheckpointError, match=r"state-00000006.*No space left on device"):
        train(any_backend, samples, tmp_path)
    assert "state-00000002.safetensors: cannot be written: No space left" in caplog.text
    assert not list(tmp_path.glob("state-*")), "nothing half-written"
    assert not list(tmp_path.glob(".osr-*"))
    full = False
    _, summary = train(any_backend, samples, tmp_path)
    assert summary.finished
