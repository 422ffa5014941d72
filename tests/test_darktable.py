"""Packages for darktable: its own rules, any size of a tile, and which models are refused."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from command_line import osr

import osr as package
from osr_core import restore
from osr_core.backend import is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import BackendError, ModelError
from osr_core.initial import initial_state
from osr_core.registry import registry
from osr_core.spec import ModelSpec, UNet
from weights import darktable
from weights.cards import cards

if not is_installed("onnx"):
    pytest.skip("onnx is not installed", allow_module_level=True)

import onnx
import onnxruntime

from backends.onnx import build


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A package, and the network in it."""
    folder, spec = tmp_path_factory.mktemp("darktable"), ModelSpec(UNet((4, 6), 1, 4))
    checkpoint = Checkpoint(spec, initial_state(spec, 0))
    checkpoint.save(folder / "My Net.safetensors")
    done = package.export(folder / "My Net.safetensors", folder / "net.dtmodel")
    assert (done.inputs, done.total_stride) == (("input",), 1)
    assert done.difference < 1e-5
    return folder / "net.dtmodel", build(spec, state=checkpoint.state)


def test_a_package_is_what_darktable_asks_for(made):
    path, _ = made
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["my-net/config.json", "my-net/model.onnx"]
        config = json.loads(archive.read("my-net/config.json"))
        model = onnx.load_from_string(archive.read("my-net/model.onnx"))
    required = {"id": "my-net", "name": "My Net", "task": "denoise", "backend": "onnx"}
    assert required | config == config
    assert {"description", "version", "model_card"} < config.keys()
    assert (config["type"], config["tiling"]) == ("single", True)
    assert {"license", "training_data", "training_data_license"} < config["model_card"].keys()
    onnx.checker.check_model(model, full_check=True)
    assert 17 <= model.opset_import[0].version <= 20
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for name, (end,) in (("input", session.get_inputs()), ("output", session.get_outputs())):
        shape = [1, 3, "height", "width"]
        assert (end.name, end.type, end.shape) == (name, "tensor(float)", shape)


@pytest.mark.parametrize("size", [(16, 24), (17, 31), (8, 9)])
def test_a_tile_of_any_size_is_restored_as_by_osr(made, size):
    path, network = made
    image = np.random.default_rng(0).random((*size, 3), np.float32)
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
    result = darktable.run(path, planes, None)[0].transpose(1, 2, 0)
    np.testing.assert_allclose(result.clip(0, 1), restore(image, network, tile=0), atol=1e-6)


def test_the_same_model_gives_the_same_bytes(made, tmp_path):
    again = tmp_path / "again.dtmodel"
    package.export(made[0].with_name("My Net.safetensors"), again)
    assert again.read_bytes() == made[0].read_bytes()


def test_published_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = osr("export", "osr-denoise", "--to", "darktable")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("osr-denoise.dtmodel: inputs input; any height and width;")
    with zipfile.ZipFile("osr-denoise.dtmodel") as archive:
        card = json.loads(archive.read("osr-denoise/config.json"))["model_card"]
    assert card["license"] == registry()["osr-denoise"].licence
    assert "BSDS500" in card["training_data"]
    assert "non-commercial" in card["training_data_license"]
    assert card["notes"].startswith("Not for darktable's own repository")


def test_licences_decide_which_models_qualify(monkeypatch):
    assert not darktable.qualifies("mine")
    entry = replace(registry()["osr-denoise"], licence="CC-BY-4.0")
    for data, free in (("free-photographs", True), ("photographs", False)):
        monkeypatch.setattr(darktable, "registry", lambda: {"mine": entry})
        monkeypatch.setitem(cards(), "mine", {"data": ["free-photographs", data]})
        assert darktable.qualifies("mine") == free
    monkeypatch.undo()
    assert [name for name in registry() if darktable.qualifies(name)] == ["osr-denoise-free"]


REFUSED = {
    "osr-general": "a thumbnail of the whole image, but darktable shows",
    "osr-dehaze": "a thumbnail of the whole image, but darktable shows",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_needs_more_of_an_image_than_a_tile_is_refused(name, tmp_path):
    message = f"model {name}: needs {REFUSED[name]}"
    with pytest.raises(ModelError, match=message):
        package.export(name, tmp_path / "a.dtmodel")
    assert not list(tmp_path.iterdir())


def test_a_model_whose_measured_overlap_is_too_large_is_refused(tmp_path):
    spec = ModelSpec(UNet((4, 8), 1))
    model = tmp_path / "wide.safetensors"
    Checkpoint(spec, initial_state(spec, 0), measured={"overlap": 72.0}).save(model)
    message = "needs tiles that overlap by 72 pixels, as measured, but darktable's overlap by 64"
    with pytest.raises(ModelError, match=message):
        package.export(str(model), tmp_path / "a.dtmodel")
    assert [path.name for path in tmp_path.iterdir()] == ["wide.safetensors"]


def test_a_package_that_breaks_a_rule_is_refused(made, tmp_path):
    settings, model = {"id": "x", "task": "denoise"}, b""
    with zipfile.ZipFile(made[0]) as archive:
        model = archive.read("my-net/model.onnx")
    with zipfile.ZipFile(tmp_path / "x.dtmodel", "w") as archive:
        archive.writestr("x/config.json", json.dumps(settings))
        archive.writestr("x/model.onnx", model)
    with pytest.raises(BackendError, match="no package for darktable: .*'version'"):
        darktable.check(tmp_path / "x.dtmodel")
