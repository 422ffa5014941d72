"""Weight files from anyone: lies in headers, bombs in specs, flipped bits, foreign text."""

from __future__ import annotations

import json
import os
import random

import numpy as np
import pytest
from click.testing import CliRunner

from osr.cli import cli
from osr.images import Picture, write
from osr.pipeline import restore_files
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, OSRError, SpecError
from osr_core.initial import initial_state
from osr_core.limits import FACTOR, FILE_BYTES, LIMITS
from osr_core.spec import Experts, ModelSpec, Residual, UNet
from osr_core.tensor_file import read_tensors, write_tensors
from weights import convert, formats
from weights.vgg import load_vgg

SPEC = ModelSpec(UNet((4,), 1))
STATE = initial_state(SPEC, 0)
TEXT = SPEC.to_json()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(kind="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


HEADERS = {
    "F8_E4M3": {"a": entry("F8_E4M3", (4,))},
    "F4": {"a": entry("F4", (8,))},
    "another type": {"a": entry(["F32"])},
    "rank 33": {"a": entry(shape=[1] * 33)},
    "a huge shape": {"a": entry(shape=[2**40, 2**40])},
    "a negative shape": {"a": entry(shape=[-1])},
    "a fraction": {"a": entry(shape=[1.0])},
    "true": {"a": entry(shape=[True])},
    "an overlap": {"a": entry(), "b": entry(offsets=(2, 6))},
    "a gap": {"a": entry(), "b": entry(offsets=(8, 12))},
    "beyond the end": {"a": entry(shape=(2,), offsets=(0, 8))},
    "too few bytes": {"a": entry(shape=(2,))},
    "a long name": {"a" * 2000: entry()},
    "deep": b"[" * 10**5,
    "deep and closed": b'{"a":' * 900 + b"1" + b"}" * 900,
    "a long number": b'{"a":' + b"9" * 5000 + b"}",
    "a key twice": b'{"a":1,"a":1}',
    "a list": [1],
    "metadata that are a list": {"__metadata__": [1]},
    "metadata that are numbers": {"__metadata__": {"a": 1}},
    "not UTF-8": b'{"\xff": 1}',
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(file, name):
    file.write_bytes(safetensors(HEADERS[name], bytes(4)))
    with pytest.raises(CheckpointError, match=r"model\.safetensors: ") as caught:
        read_tensors(file)
    assert len(str(caught.value)) < 400 + len(str(file))


def test_a_bad_spec_is_refused_before_the_tensors_are_read(file):
    """8 GiB of tensors, as a hole in the file."""
    header = {"__metadata__": {"spec": "{}"}, "a": entry("U8", [2**33], [0, 2**33])}
    with file.open("wb") as out:
        out.write(safetensors(header))
        out.truncate(out.tell() + 2**33)
    with pytest.raises(CheckpointError, match="version"):
        Checkpoint.load(file)


SPECS = {
    "nested 100,000 deep": "[" * 10**5,
    "widths nested 600 deep": TEXT.replace("[4]", "[" * 600 + "4" + "]" * 600),
    "an integer of 5,000 digits": TEXT.replace("[4]", f"[{'9' * 5000}]"),
    "100,000 experts": json.dumps({"version": 3, "backbone": {"kind": "experts",
                                                              "experts": [{}] * 100_000}}),
    "20,000 experts": json.dumps({"version": 3, "backbone": {"kind": "experts",
                                                             "experts": [{}] * 16_000}}),
    "a number": "3", "null": "null", "a lone surrogate": '{"version": "\\ud800"}',
    "10^9 channels": TEXT.replace("[4]", "[1000000000]"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_specs(name):
    with pytest.raises(SpecError) as caught:
        ModelSpec.from_json(SPECS[name])
    str(caught.value).encode()


@pytest.mark.parametrize("backbone", [UNet((1024,) * 6, 32), Residual((1024,) * 5)])
def test_a_spec_that_asks_for_terabytes(backbone, monkeypatch):
    spec = ModelSpec(backbone)
    with pytest.raises(SpecError, match=rf"more than the limit of .*--model-limit \d+ .*{FACTOR}="):
        analyse(spec)
    monkeypatch.setenv(FACTOR, "1000")
    assert analyse(spec).parameter_count > 10**8
    analyse.cache_clear()


def test_an_option_raises_the_limit(file, monkeypatch):
    """--model-limit, for one command."""
    monkeypatch.setitem(LIMITS, "parameters", 100)
    monkeypatch.delenv(FACTOR, raising=False)
    write_tensors(file, STATE, {"spec": TEXT})
    analyse.cache_clear()
    done = CliRunner().invoke(cli, ["info", str(file)])
    assert "--model-limit 12 " in str(done.exception)
    assert CliRunner().invoke(cli, ["info", str(file), "--model-limit", "12"]).exit_code == 0
    assert FACTOR not in os.environ
    analyse.cache_clear()


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".pth"])
def test_a_file_of_gigabytes_is_not_read(file, suffix):
    """Its bytes are a hole, which costs the attacker nothing."""
    path = file.with_suffix(suffix)
    with path.open("wb") as hole:
        hole.truncate(FILE_BYTES + 1)
    for load in (convert.load, load_vgg):
        with pytest.raises(OSRError, match="bytes are more than the limit of .*--model-limit 2 "):
            load(path)


def test_the_most_experts_are_still_quick():
    assert analyse(ModelSpec(Experts((UNet((4,), 1),) * 16))).parameter_count < 10**6


@pytest.mark.parametrize("key", ["recipe", "provenance"])
@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"', '{"a":' * 900 + "1" + "}" * 900])
def test_recipe_and_provenance_that_are_no_objects(file, key, text):
    write_tensors(file, STATE, {"spec": TEXT, key: text})
    with pytest.raises(CheckpointError, match=f"its {key} is not a JSON object"):
        Checkpoint.load(file)


def test_a_lone_surrogate_in_the_provenance(file):
    write_tensors(file, STATE, {"spec": TEXT, "provenance": r'{"images": {"\ud800": 3}}'})
    Checkpoint.load(file).save(file)


def test_float64_beyond_float32(file):
    """It is finite in the file and infinite once it is float32."""
    name = next(iter(STATE))
    state = STATE | {name: np.full(STATE[name].shape, 1e300)}
    write_tensors(file, state, {"spec": TEXT})
    with pytest.raises(CheckpointError, match=f"{name}: holds values that are not finite"):
        Checkpoint.load(file)


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".pth"])
def test_a_flipped_bit_anywhere(file, suffix):
    """200 random bits of a file that we wrote: each is found, or changes nothing."""
    if suffix == ".pth":
        pytest.importorskip("torch")
    path = file.with_suffix(suffix)
    checkpoint = Checkpoint(SPEC, STATE, {"steps": 3}, {"data": ["photographs"]})
    convert.save(checkpoint, path)
    content, rng, found = bytearray(path.read_bytes()), random.Random(0), 0
    for _ in range(200):
        place, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        content[place] ^= bit
        path.write_bytes(content)
        content[place] ^= bit
        try:
            read = convert.load(path)
        except OSRError:
            found += 1
            continue
        assert read.spec == SPEC
        assert read.recipe == checkpoint.recipe
        assert read.provenance == checkpoint.provenance
        assert all(np.array_equal(read.state[n], v) for n, v in STATE.items())
    # A .pth file is a zip archive, parts of which say nothing: times, padding.
    assert found >= (120 if suffix == ".pth" else 200)


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_equal_content_gives_equal_bytes(file, suffix):
    path = file.with_suffix(suffix)
    contents = set()
    for state in (STATE, dict(reversed(STATE.items()))):
        convert.save(Checkpoint(SPEC, state), path)
        contents.add(path.read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize(
    "name", ["coefficient", "encoder." + "9" * 5000 + ".x", "features." + "9" * 5000 + ".weight"]
)
@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_names_of_other_networks(file, name, suffix):
    path = file.with_suffix(suffix)
    names = [name, "rdb_module.0_0.conv_1x1.weight", "features.0.weight"]
    formats.write(path, {n: np.float32(1) for n in names}, {})
    for load in (convert.load, load_vgg):
        with pytest.raises(OSRError) as caught:
            load(path)
        assert len(str(caught.value)) < 700


def test_foreign_text_cannot_forge_a_line(file):
    """A line end or an escape sequence in a name reaches the terminal as plain text."""
    name = "w\n\x1b[2Josr: all is well\u202e" + "x" * 500
    write_tensors(file, STATE | {name: np.zeros(1, np.float32)}, {"spec": TEXT})
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(file)
    message = str(caught.value)
    assert r"w\n\x1b[2Josr: all is well\u202e" in message
    assert message.isprintable()
    assert len(message) < 300 + len(str(file))
    file.write_bytes(safetensors({"__metadata__": {"spec": json.dumps({"version": "x" * 10**4})}}))
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(file)
    assert len(str(caught.value)) < 300 + len(str(file))


def test_finite_weights_whose_output_is_not(file, any_backend):
    """The result would be a black picture."""
    state = {name: np.full_like(value, 1e30) for name, value in STATE.items()}
    Checkpoint(SPEC, state).save(file)
    photo, output = file.with_name("a.png"), file.with_name("out")
    write(photo, Picture(np.full((16, 16, 3), 99, np.uint8)))
    results = restore_files(photo, output, model=file, backend=any_backend.name)
    assert "not finite" in results[0].error
    assert not list(output.iterdir())


@pytest.mark.parametrize("odd", [None, 3, "x", [1], {"a": {}}, "\ud800\x1b[2J\n"], ids=range(6))
@pytest.mark.parametrize("key", ["images", "stages", "init", "sampling_weights", "data"])
def test_metadata_of_any_form_is_described(file, key, odd):
    Checkpoint(SPEC, STATE, {key: odd}, {key: odd}).save(file)
    for arguments in ([], ["--json"]):
        done = CliRunner().invoke(cli, ["info", str(file), *arguments], catch_exceptions=False)
        assert done.exit_code == 0
        assert all(line.isprintable() for line in done.output.splitlines())
