"""Files for other programs: what is in them, and which are not written."""

import json
from importlib import import_module

import numpy as np
import pytest
from command_line import osr

import osr as package
from osr_core.analysis import analyse
from osr_core.backend import is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.context import context_of
from osr_core.errors import BackendError, CheckpointError, ModelError, OptionError
from osr_core.initial import initial_state
from osr_core.reference import forward
from osr_core.registry import default_model, registry
from osr_core.spec import (
    External,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    RoutedExperts,
    UNet,
)
from weights import export as exporting

CONTEXT = ModelSpec(UNet((4, 6), 1, context=(4,)))


@pytest.fixture(params=["onnx", "torch", "mindir"])  # tests/test_darktable.py has the other
def format(request):
    """Each that can be written here."""
    backend = exporting.FORMATS[request.param].backend
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    return request.param


@pytest.fixture
def model(tmp_path):
    Checkpoint(CONTEXT, initial_state(CONTEXT, 0)).save(tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def _run(format, path, images, context):
    module = import_module(f"backends.{exporting.FORMATS[format].backend}.export")
    return module.run(path, images, context)


def _exported(format, spec, tmp_path, size=(24, 40)):
    """The file of a new network; it computes what the network does, at another size."""
    checkpoint = Checkpoint(spec, initial_state(spec, 0))
    checkpoint.save(tmp_path / "model.safetensors")
    path = tmp_path / f"out{exporting.FORMATS[format].suffix}"
    done = package.export(tmp_path / "model.safetensors", path)
    assert (done.output, done.format) == (str(path), format)
    channels = analyse(spec).context_channels
    assert done.inputs == ("image", *{3: ["thumbnail"], 6: ["context"]}.get(channels, []))
    assert done.difference < 1e-5
    images = np.random.default_rng(1).random((3, 3, *size), np.float32)
    small = context_of(images[:, :, ::-1], channels) if channels else None
    module = import_module(f"backends.{exporting.FORMATS[format].backend}.export")
    result = module.run(path, images, small)
    expected = forward(spec, checkpoint.state, images.astype(np.float64), small)
    assert np.abs(result - expected).max() < 1e-5
    return path


def test_a_file_computes_what_the_model_does_and_says_what_it_is(format, tmp_path):
    path = _exported(format, CONTEXT, tmp_path)
    model = tmp_path / "model.safetensors"
    assert path.stat().st_mode == model.stat().st_mode
    found = METADATA[format](path)
    assert ModelSpec.from_json(found.pop("spec")) == CONTEXT
    assert int(found.pop("halo")) > 0
    assert found == {
        "format": "osr",
        "name": "model",
        "sha256": Checkpoint.load(model).sha256,
        "licence": "unknown",
        "total_stride": "4",
    }


@pytest.mark.parametrize("format", ["onnx", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_network_without_strides(format, tmp_path):
    pytest.importorskip(format)
    _exported(format, ModelSpec(Residual((4, 4, 4, 4, 4))), tmp_path)


def _of_onnx(path):
    import onnx

    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return {each.key: each.value for each in model.metadata_props}


def _of_torch(path):
    import torch

    found = dict.fromkeys(
        ("format", "name", "sha256", "licence", "spec", "total_stride", "halo"), ""
    )
    torch.export.load(path, extra_files=found)
    return found


def _of_mindir(path):
    from mindspore.train.mind_ir_pb2 import ModelProto

    return dict(ModelProto.FromString(path.read_bytes()).user_info)


METADATA = {"onnx": _of_onnx, "torch": _of_torch, "mindir": _of_mindir}


def test_a_file_that_computes_another_thing_is_not_written(model, monkeypatch, tmp_path):
    module = pytest.importorskip("backends.onnx.export")
    path, write = tmp_path / "out.onnx", module.export
    path.write_text("old")

    def other(checkpoint, *rest):
        state = {**checkpoint.state, "tail.bias": checkpoint.state["tail.bias"] + 1e-3}
        write(Checkpoint(checkpoint.spec, state), *rest)

    monkeypatch.setattr(module, "export", other)
    with pytest.raises(BackendError, match=r"out\.onnx: not written: .* by 1\.\de-03"):
        package.export(model, path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_published_model(tmp_path):
    pytest.importorskip("onnx")
    package.export("osr-denoise", tmp_path / "a.onnx")
    found, entry = _of_onnx(tmp_path / "a.onnx"), registry()["osr-denoise"]
    expected = {"name": entry.name, "sha256": entry.sha256, "licence": "CC-BY-NC-4.0"}
    assert expected | found == found


def test_the_command(model, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    run = osr("export", model)
    assert run.returncode == 0, run.stderr
    assert "tiny.onnx: inputs image, thumbnail; height and width multiples of 4" in run.stdout
    run = osr("export", "osr-denoise", "-o", "b.onnx", "--json")
    data = json.loads(run.stdout)
    assert (data["output"], data["inputs"]) == ("b.onnx", ["image"])
    run = osr("export", "osr-denoise", "-o", "b.onnx", "--to", "torch")
    assert run.returncode == 2
    assert run.errors == ["osr: b.onnx: expected a name that ends in .pt2"]


def test_errors(model, tmp_path, monkeypatch):
    with pytest.raises(OptionError, match=r"a\.bin: .* ends in \.onnx, \.pt2, \.mindir, \.dtmodel"):
        package.export(model, tmp_path / "a.bin")
    with pytest.raises(OptionError, match="format 'tflite': expected one of onnx, torch, mindir"):
        package.export(model, to="tflite")
    with pytest.raises(CheckpointError, match=r"absent/a\.onnx: cannot be written: No such file"):
        package.export(model, tmp_path / "absent" / "a.onnx")
    with pytest.raises(ModelError, match="absent"):
        package.export("absent", tmp_path / "a.onnx")
    spec = ModelSpec(External("Mine"), InputTransform(3, layout="shared"), OutputTransform(4))
    Checkpoint(spec, initial_state(spec, 0)).save(tmp_path / "mine.safetensors")
    with pytest.raises(ModelError, match="Mine"):
        package.export(tmp_path / "mine.safetensors", tmp_path / "a.onnx")
    monkeypatch.setattr("osr_core.backend.importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"not installed; pip install 'osr\[torch\]'"):
        package.export(model, tmp_path / "a.pt2")
    assert not list(tmp_path.glob("a.*"))


@pytest.mark.slow
def test_experts_that_are_skipped(format, tmp_path):
    unets = UNet((4, 8), 1), UNet((6,), 1, 4, context=(4,))
    spec = ModelSpec(RoutedExperts(unets, (4, 6), (4, 6), 2, 8, 16))
    _exported(format, spec, tmp_path, (64, 80))


@pytest.mark.slow
def test_the_default_model(format, tmp_path):
    done = package.export(default_model(), tmp_path / f"a{exporting.FORMATS[format].suffix}")
    assert done.difference < 1e-5
