"""VGG16's weights: what is picked of a file, and files of every format."""

from importlib import import_module

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file
from test_losses import needs_torch, random_vgg

from osr.cli import cli
from osr_core.errors import CheckpointError
from osr_core.tensor_file import read_tensors
from osr_core.training.vgg import vgg_shapes, vgg_state
from weights import convert
from weights.vgg import convert_vgg, load_vgg


def test_vgg_state_picks_and_checks():
    vgg = {**random_vgg(), "classifier.0.weight": np.zeros((2, 2), np.float32)}
    assert {n: v.shape for n, v in vgg_state(vgg).items()} == vgg_shapes()
    vgg["features.2.bias"] = vgg["features.2.bias"].astype(np.float16)
    assert vgg_state(vgg)["features.2.bias"].dtype == np.float32
    infinite = np.full(64, np.inf, np.float32)
    for name, value, message in [
        ("features.14.weight", np.zeros((256, 128, 3, 3), np.float32),
         "shape .*, expected .*torchvision's vgg16-"),
        ("features.0.bias", np.zeros(64, np.int32), "type int32"),
        ("features.0.bias", infinite, "holds values that are not finite"),
        ("features.34.weight", infinite, "is not in VGG16"),
    ]:  # fmt: skip
        with pytest.raises(CheckpointError, match=f"{name}: {message}"):
            vgg_state({**vgg, name: value})


def _torchvision(path):
    """A file as torchvision's, but for the size of what is not used."""
    import torch

    rest = [f"features.{n}" for n in (17, 19, 21, 24, 26, 28)]
    rest += [f"classifier.{n}" for n in (0, 3, 6)]
    state = {name: torch.from_numpy(value) for name, value in random_vgg().items()}
    state |= {f"{name}.{end}": torch.zeros(2) for name in rest for end in ("weight", "bias")}
    torch.save(state, path)
    return path


@needs_torch
def test_osr_convert_makes_a_small_file_that_backends_load(backend, tmp_path):
    source, target = _torchvision(tmp_path / "vgg16-397923af.pth"), tmp_path / "vgg16.safetensors"
    run = CliRunner().invoke(cli, ["convert", "--vgg", str(source), str(target)])
    assert run.exit_code == 0, run.exception
    assert "VGG16" in run.output
    tensors, metadata = read_tensors(target)
    assert tensors.keys() == random_vgg().keys()
    assert "vgg16" in metadata["holds"]
    assert "spec" not in metadata
    for path in (source, target):
        loaded = load_vgg(path)
        assert all(np.array_equal(loaded[name], value) for name, value in random_vgg().items())
        import_module(f"{backend.__name__}.losses").Loss({"perceptual": 1}, loaded)


def test_vgg_files_of_other_formats_and_of_other_networks(tmp_path):
    source, other = tmp_path / "vgg16.safetensors", tmp_path / "vgg16.ckpt"
    save_file({f"module.{name}": value for name, value in random_vgg().items()}, source)
    convert_vgg(source, other)
    loaded = load_vgg(other)
    assert all(np.array_equal(loaded[name], value) for name, value in random_vgg().items())
    with pytest.raises(CheckpointError, match="is the source itself"):
        convert_vgg(source, source)
    with pytest.raises(CheckpointError, match=r"vgg16\.safetensors: is a VGG16 file; .*--vgg"):
        convert.load(source)

    save_file({**random_vgg(), "features.34.weight": np.zeros(1, np.float32)}, source)  # VGG19
    before = other.read_bytes()
    with pytest.raises(CheckpointError, match=r"vgg16\.safetensors: features\.34\.weight: is not"):
        convert_vgg(source, other)
    assert other.read_bytes() == before

    save_file({"head.weight": np.zeros(1, np.float32)}, source)
    with pytest.raises(CheckpointError, match=r"vgg16\.safetensors: features\.0\.weight: missing"):
        convert_vgg(source, other)
    assert other.read_bytes() == before
