"""Faults around a training: corrupted states, two trainings, changed files, killed processes."""

import errno
import json
import logging
import multiprocessing
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm
from training_runs import assert_equal, make_images, make_samples, make_trainer, train

import osr
from osr.cli import _Lines
from osr.images import Picture, write
from osr.training.image_cache import planes
from osr.training.loading import batches
from osr.training.recipe import Recipe
from osr.training.run_folder import MODEL, locked
from osr.training.run_state import RunState
from osr.training.state_files import read_state
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, OptionError, TrainingError
from osr_core.tensor_file import read_tensors, write_tensors

NEWEST, BEFORE = "state-00000006.safetensors", "state-00000004.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


@pytest.fixture
def samples(folder):
    return make_samples(folder)


def _flip(path, place=-100):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_the_state_before_a_corrupted_one_is_resumed(any_backend, samples, tmp_path, caplog):
    whole, _ = train(any_backend, samples, tmp_path)
    content = (tmp_path / NEWEST).read_bytes()
    _flip(tmp_path / NEWEST)
    again, summary = train(any_backend, samples, tmp_path)
    assert summary.finished
    assert f"{NEWEST}: is corrupted: its checksum does not match; " in caplog.text
    assert f"resuming from {BEFORE}" in caplog.text
    assert_equal(whole, again)
    assert (tmp_path / NEWEST).read_bytes() == content


def test_states_after_the_resumed_one_are_replaced(any_backend, samples, tmp_path):
    """Else they would count as the newest, and push out whole ones."""
    train(any_backend, samples, tmp_path)
    (tmp_path / NEWEST).rename(tmp_path / "state-00000999.safetensors")
    train(any_backend, samples, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("state-*")) == [BEFORE, NEWEST]


@pytest.fixture(scope="module")
def state(any_backend, folder, tmp_path_factory):
    """Tensors and texts of a state, and the shapes of its optimizer's moments."""
    samples, run = make_samples(folder), tmp_path_factory.mktemp("run")
    train(any_backend, samples, run)
    moments = make_trainer(any_backend, samples.recipe).state()
    return *read_tensors(run / NEWEST), {name: moment.shape for name, moment in moments.items()}


WRONG_NUMBERS = [
    {"step": 10**9}, {"step": -1}, {"step": 5}, {"step": 6.0}, {"step": None}, {"step": True},
    {"updates": 7}, {"updates": []}, {"loss_scale": 0}, {"loss_scale": float("nan")},
    {"best": "high"}, {"best": float("inf")}, {"best": float("nan")}, {"best_step": 10**9},
    {"growth_steps": -1}, {"unknown": 1},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_NUMBERS, ids=str)
def test_numbers_of_a_state_are_checked(state, tmp_path, wrong):
    tensors, texts, moments = state
    numbers = json.dumps(json.loads(texts["numbers"]) | wrong)
    _refused(tmp_path, tensors, texts | {"numbers": numbers}, moments)


WRONG_TEXTS = [
    {"numbers": "[]"}, {"numbers": "null"}, {"numbers": "{"}, {"numbers": "[" * 100_000},
    {"numbers": "1" * 5000}, {"recipe": "[]"}, {"recipe": "null"}, {"recipe": "{}"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_TEXTS, ids=lambda wrong: str(wrong)[:30])
def test_texts_of_a_state_are_checked(state, tmp_path, wrong):
    tensors, texts, moments = state
    _refused(tmp_path, tensors, texts | wrong, moments)
    for key in texts:
        _refused(tmp_path, tensors, {k: v for k, v in texts.items() if k != key}, moments)


@pytest.mark.parametrize("group", ["weight", "average", "optimizer"])
def test_tensors_of_a_state_are_checked(state, tmp_path, group):
    tensors, texts, moments = state
    name = next(name for name in tensors if name.startswith(f"{group}."))
    _refused(tmp_path, {k: v for k, v in tensors.items() if k != name}, texts, moments)
    for wrong in (tensors[name][..., None], tensors[name] * np.float32("nan")):
        _refused(tmp_path, tensors | {name: wrong}, texts, moments)
    _refused(tmp_path, tensors | {f"{group}.more": tensors[name]}, texts, moments)


def _refused(tmp_path, tensors, texts, moments):
    """A state with a correct checksum is refused by one line."""
    path = tmp_path / NEWEST
    write_tensors(path, tensors, texts)
    with pytest.raises(CheckpointError, match=NEWEST) as error:
        read_state(path, moments)
    assert "\n" not in str(error.value)


def test_a_state_is_read_as_written(state, tmp_path):
    tensors, texts, moments = state
    write_tensors(tmp_path / NEWEST, tensors, texts)
    assert read_state(tmp_path / NEWEST, moments)[0].step == 6


def test_two_trainings_in_one_folder_are_refused(folder, tmp_path):
    recipe = make_samples(folder).recipe
    with locked(tmp_path), pytest.raises(TrainingError, match="another training runs in it"):
        osr.train(recipe, tmp_path, device="cpu", workers=0)
    assert not list(tmp_path.glob("*.safetensors"))
    assert osr.train(recipe, tmp_path, device="cpu", workers=0).finished


def test_temporary_files_of_killed_runs_are_removed(any_backend, samples, tmp_path):
    for place in (tmp_path, tmp_path / "pictures"):
        place.mkdir(exist_ok=True)
        (place / ".osr-0123456789abcdef.png").write_bytes(b"half")
    train(any_backend, samples, tmp_path)
    assert not list(tmp_path.rglob(".osr-*"))


def test_changed_photographs_are_noticed(any_backend, tmp_path):
    folder = make_images(tmp_path / "data")
    train(any_backend, make_samples(folder), tmp_path / "run")
    path = folder / "clear" / "1.png"
    content = path.read_bytes()
    path.write_bytes((folder / "clear" / "0.png").read_bytes())
    with pytest.raises(TrainingError, match="other images, or some have changed"):
        train(any_backend, make_samples(folder), tmp_path / "run")
    path.write_bytes(content)
    train(any_backend, make_samples(folder), tmp_path / "run")
    samples = make_samples(folder)
    before = samples.fingerprint()
    path.unlink()  # after it was listed
    assert samples.fingerprint() != before


def test_an_average_that_is_not_finite_ends_the_run(any_backend, samples, tmp_path, monkeypatch):
    monkeypatch.setattr("osr.training.loop.EMA_EVERY", 1)
    ema = RunState.ema

    def broken(state, weights, decay):
        factor = np.float32("nan" if state.step == 3 else 1)
        return {name: value * factor for name, value in ema(state, weights, decay).items()}

    monkeypatch.setattr(RunState, "ema", broken)
    message = rf"step 3: training diverged: weights that are not finite; .*{NEWEST[:-13]}2"
    with pytest.raises(TrainingError, match=message):
        train(any_backend, samples, tmp_path)


def test_a_corrupted_state_is_not_called_good(any_backend, samples, tmp_path, monkeypatch):
    def corrupting(*args):
        for step, batch in enumerate(batches(*args)):
            if step == 5:
                _flip(tmp_path / BEFORE)
                monkeypatch.setattr(Recipe, "lr", lambda self, step: 100.0)
            yield batch

    monkeypatch.setattr("osr.training.loop.batches", corrupting)
    with pytest.raises(TrainingError, match="last good state is .*state-00000002"):
        train(any_backend, samples, tmp_path)


def test_a_run_killed_before_it_published_does_so_when_resumed(any_backend, samples, tmp_path):
    train(any_backend, samples, tmp_path)
    model = (tmp_path / MODEL).read_bytes()
    loaded = Checkpoint.load(tmp_path / MODEL)
    Checkpoint(loaded.spec, loaded.state, {}, {"steps": 4}).save(tmp_path / MODEL)
    for _ in range(2):
        train(any_backend, samples, tmp_path)
        assert (tmp_path / MODEL).read_bytes() == model
        (tmp_path / MODEL).unlink()


def test_lines_of_lost_steps_are_removed(any_backend, samples, tmp_path):
    train(any_backend, samples, tmp_path)
    (tmp_path / NEWEST).unlink()  # as if killed before it was saved
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "loss"')
    train(any_backend, samples, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]


def test_a_full_disk_ends_tensorboard_alone(any_backend, samples, tmp_path, monkeypatch, caplog):
    events = pytest.importorskip("tensorboardX.event_file_writer").EventsWriter

    def full(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(events, "flush", full)
    assert train(any_backend, samples, tmp_path)[1].finished
    assert caplog.text.count("tensorboard: cannot be written: No space left on device") == 1


def test_the_number_of_loader_processes_is_bounded(folder, tmp_path):
    with pytest.raises(OptionError, match="workers 99999999: expected 0 to 64"):
        osr.train(make_samples(folder).recipe, tmp_path / "run", workers=99_999_999)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_killed_loader_processes_are_replaced(folder, caplog):
    samples = make_samples(folder, steps=12)
    expected = list(batches(samples, 0, 0))
    for step, batch in enumerate(batches(samples, 0, 1)):
        if step == 2:
            for process in multiprocessing.active_children():
                process.kill()
        assert all(np.array_equal(*pair) for pair in zip(batch, expected[step], strict=True))
    assert step == 11
    assert caplog.text.count("a loader process was killed and is replaced") == 1


@pytest.mark.slow
def test_loader_processes_that_die_at_once_end_the_run(folder, monkeypatch):
    monkeypatch.setattr("osr.training.loading._start", os._exit)
    monkeypatch.setattr("osr.training.loading.RESTARTS", 1)
    with pytest.raises(TrainingError, match="step 0: loader processes ended 2 times"):
        next(batches(make_samples(folder), 0, 1))


def test_warnings_of_loader_processes_are_relayed(monkeypatch):
    from osr.training import loading

    class Unreadable:
        def batch(self, step, world):
            loading.logger.warning("%s cannot be read", Path("a.png"))
            return step

    monkeypatch.setattr(loading, "_samples", Unreadable())
    loading.logger.addHandler(loading._kept)
    try:
        assert loading._work(3) == (3, ["a.png cannot be read"])
        assert loading._kept.messages == []
    finally:
        loading.logger.removeHandler(loading._kept)


def test_a_photograph_of_one_row_is_downscaled(any_backend, tmp_path):
    folder = make_images(tmp_path / "data")
    write(folder / "clear" / "line.png", Picture(np.zeros((1, 4000, 3), np.uint8)))
    samples = make_samples(folder, max_side=1024, sampling_weights={"clean": 1.0})
    for step in range(6):
        assert samples.batch(step)[0].shape == (4, 3, 16, 16)
    item = next(item for item in samples.photographs if item.name.endswith("line"))
    assert planes(item, 1024).shape == (1, 1024, 3)


def test_warnings_are_lines_above_the_progress_bar(capsys):
    with tqdm(total=2, file=sys.stderr, desc="run") as bar:
        bar.update()
        _Lines().emit(logging.makeLogRecord({"msg": "a.png cannot be read"}))
    said = capsys.readouterr().err
    assert re.search(r"[\r\n]osr: a\.png cannot be read\n", said), said
