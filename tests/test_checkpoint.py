import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError
from osr_core.initial import initial_state
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet

SPEC = ModelSpec(UNet((4, 6), blocks=1), InputTransform(2), OutputTransform(4))
NAME = "backbone.head.weight"


@pytest.fixture
def checkpoint():
    return Checkpoint(SPEC, initial_state(SPEC, 0), {"steps": 3}, {"data": ["photographs"]})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_there_and_back(checkpoint, path):
    checkpoint.save(path)
    back = Checkpoint.load(path)
    assert back.spec == SPEC
    assert back.recipe == {"steps": 3}
    assert back.provenance == {"data": ["photographs"]}
    assert all(np.array_equal(back.state[n], w) for n, w in checkpoint.state.items())
    assert set(load_file(path)) == set(checkpoint.state)


def test_a_long_history_of_trainings_is_read(checkpoint, path):
    provenance = {}
    for _ in range(10):  # each from the model of the one before
        provenance = {"start": {"recipe": {}, "provenance": provenance}}
    replace(checkpoint, provenance=provenance).save(path)
    assert Checkpoint.load(path).provenance == provenance


def test_equal_checkpoints_are_equal_files(checkpoint, path):
    contents = set()
    for _ in range(8):  # the safetensors package shuffles the metadata
        checkpoint.save(path)
        contents.add(path.read_bytes())
    assert len(contents) == 1
    with safe_open(path, framework="numpy") as file:
        assert set(file.metadata()) == {"checksum", "format", "spec", "recipe", "provenance"}


def test_metadata_beyond_ascii(checkpoint, path):
    replace(checkpoint, provenance={"by": "Jörg 山"}).save(path)
    assert Checkpoint.load(path).provenance == {"by": "Jörg 山"}




def _metadata(spec=SPEC):
    return {"spec": spec.to_json()}


def _without(state):
    del state[NAME]


def _surplus(state):
    state["colour"] = np.zeros(1, np.float32)


def _misshapen(state):
    state[NAME] = state[NAME][:, :1].copy()


def _infinite(state):
    state[NAME][0, 0] = np.nan


def _whole(state):
    state[NAME] = state[NAME].astype(np.int32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without, f"{NAME}: missing"),
        (_surplus, "colour: not a parameter"),
        (_misshapen, f"{NAME}: shape"),
        (_infinite, f"{NAME}: holds values that are not finite"),
        (_whole, f"{NAME}: type int32"),
    ],
)
def test_weights_that_are_not_the_specs(checkpoint, path, change, message):
    state = {name: value.copy() for name, value in checkpoint.state.items()}
    change(state)
    save_file(state, path, _metadata())
    with pytest.raises(CheckpointError, match=message) as caught:
        Checkpoint.load(path)
    assert str(path) in str(caught.value)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint(SPEC, state).save(path.with_name("other.safetensors"))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_another_spec(checkpoint, path):
    save_file(dict(checkpoint.state), path, _metadata(ModelSpec(UNet((4, 6), blocks=1))))
    with pytest.raises(CheckpointError, match="model.safetensors"):
        Checkpoint.load(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 100, b"\x08" + b"\0" * 7 + b"{}"])
def test_what_is_no_safetensors_file(path, content):
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="model.safetensors") as caught:
        Checkpoint.load(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_file(checkpoint, path):
    checkpoint.save(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        Checkpoint.load(path)


def test_a_file_without_a_spec_says_how_to_get_one(checkpoint, path):
    save_file(dict(checkpoint.state), path)
    with pytest.raises(CheckpointError, match="osr convert"):
        Checkpoint.load(path)


@pytest.mark.parametrize("recipe", ["{", "[]", "3", "[" * 10**5], ids=range(4))
def test_corrupted_metadata(checkpoint, path, recipe):
    save_file(dict(checkpoint.state), path, {**_metadata(), "recipe": recipe})
    with pytest.raises(CheckpointError, match="recipe"):
        Checkpoint.load(path)


def test_an_unknown_version(checkpoint, path):
    spec = {**SPEC.to_dict(), "version": 99}
    save_file(dict(checkpoint.state), path, {"spec": json.dumps(spec)})
    with pytest.raises(CheckpointError, match="version: expected 1 to 3"):
        Checkpoint.load(path)


def test_a_failed_write_loses_nothing(checkpoint, path, monkeypatch):
    checkpoint.save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        checkpoint.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_an_absent_folder(checkpoint, path):
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoint.save(path.parent / "absent" / "model.safetensors")


def test_what_was_measured_is_kept_and_is_numbers(tmp_path):
    spec = ModelSpec(UNet((4,)))
    made = Checkpoint(spec, initial_state(spec, 0), measured={"overlap": 16.0, "bfloat16": 0.01})
    made.save(tmp_path / "a.safetensors")
    found = Checkpoint.load(tmp_path / "a.safetensors")
    assert (found.overlap, found.measured) == (16, made.measured)
    assert Checkpoint(spec, made.state).overlap is None
    tensors, metadata = made.content()
    with pytest.raises(CheckpointError, match="its measured holds a value that is not a number"):
        Checkpoint.parse(tensors, metadata | {"measured": '{"overlap": "16"}'})
