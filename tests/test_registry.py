from functools import partial
from pathlib import Path

import pytest

from osr.evaluation.models import network_model
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ModelError
from osr_core.registry import default_model, find_weights, registry
from weights.convert import convert


@pytest.mark.parametrize("name", registry())
def test_each_model_is_what_its_entry_says(name):
    entry = registry()[name]
    checkpoint = Checkpoint.load(entry.path)
    assert checkpoint.sha256 == entry.sha256
    assert checkpoint.recipe
    assert checkpoint.provenance["trained_with"]
    assert entry.licence
    assert entry.summary


def test_a_name_a_file_its_stem_and_a_run_folder(tmp_path, monkeypatch):
    path = find_weights(default_model())
    assert find_weights(path) == path
    model = tmp_path / "runs" / "x" / "model.safetensors"
    model.parent.mkdir(parents=True)
    model.write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    for name in ("runs/x/model.safetensors", "runs/x/model", "runs/x"):
        assert find_weights(name).samefile(model)
        assert Checkpoint.load(name).spec == Checkpoint.load(default_model()).spec


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (default_model()[:-1], f"no such name or file; did you mean {default_model()}"),
        ("absent.safetensors", "no such file"),
        ("runs/x/model", "no such file"),
        (__file__, "not a .safetensors file; 'osr convert'"),
        (str(Path(__file__).parent), "a folder without model.safetensors"),
    ],
)
def test_what_is_no_model(model, message):
    with pytest.raises(ModelError, match=message):
        Checkpoint.load(model)


def test_a_corrupted_published_file(monkeypatch, tmp_path):
    name = default_model()
    content = bytearray(registry()[name].path.read_bytes())
    content[-1] ^= 1
    (tmp_path / registry()[name].file).write_bytes(content)
    monkeypatch.setattr("osr_core.registry.FOLDER", tmp_path)
    for read in (Checkpoint.load, partial(convert, target=tmp_path / "a.ckpt")):
        with pytest.raises(ModelError, match="corrupted; reinstall"):
            read(name)
    (tmp_path / registry()[name].file).unlink()
    with pytest.raises(ModelError, match=r"cannot be read \(No such file.*reinstall"):
        Checkpoint.load(name)


def test_loading_reads_the_file_once_and_checks_it_once(backend, monkeypatch):
    reads, checks = [], []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda p: reads.append(p.name) or read_bytes(p))
    monkeypatch.setattr("osr_core.checkpoint.check_state", lambda *_: checks.append(1))
    monkeypatch.setattr("osr_core.initial._draw", None)  # no initial weights are drawn
    backend.load("osr-sr", device="cpu")
    assert reads == ["osr-sr.safetensors"]
    assert checks == [1]
    row = network_model("osr-denoise", partial(backend.load, device="cpu"))
    assert reads[1:] == ["osr-denoise.safetensors"]
    assert row.sha256 == registry()["osr-denoise"].sha256
