"""Conversion of weight files: what is kept, what is recognised, what is refused."""

import json

import numpy as np
import pytest
from command_line import osr
from safetensors.numpy import save_file

from osr_core.backend import is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, OSRError, SpecError
from osr_core.initial import initial_state
from osr_core.registry import default_model
from osr_core.spec import (
    Experts,
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    UNet,
)
from osr_core.tensor_file import read_tensors
from weights import ckpt, convert, formats, pth
from weights.naming import canonical, infer_spec

DETERMINED = {
    "residual": ModelSpec(Residual()),
    "residual of another size": ModelSpec(Residual((8, 12, 12, 6, 4))),
    "griddehaze": ModelSpec(GridDehaze()),
    "griddehaze of another size": ModelSpec(GridDehaze(2, 4, 8, 3, 6)),
}
UNDETERMINED = {
    "unet": ModelSpec(UNet((4, 6), 1)),
    "leaky unet": ModelSpec(UNet((4, 6), 1, activation="leaky")),
    "experts": ModelSpec(Experts((UNet((4,), 1), UNet((4,), 1)), UNet((4,), 1), 2)),
    "reprogrammed": ModelSpec(
        UNet((4, 6), 1),
        InputTransform(3, 3, "shared"),
        OutputTransform(4, residual=True),
        frozen=True,
    ),
}
needs_torch = pytest.mark.skipif(not is_installed("torch"), reason="no torch")
SUFFIXES = [".safetensors", ".ckpt", pytest.param(".pth", marks=needs_torch)]


def checkpoint(kind):
    spec = {**DETERMINED, **UNDETERMINED}[kind]
    return Checkpoint(spec, initial_state(spec, 0), {"steps": 1}, {"data": "größe"})


@pytest.mark.parametrize("kind", DETERMINED)
def test_the_spec_is_read_off_public_names(kind):
    assert infer_spec(initial_state(DETERMINED[kind], 0)) == DETERMINED[kind]


@pytest.mark.parametrize("kind", UNDETERMINED)
def test_no_spec_is_guessed_that_the_tensors_do_not_determine(kind, tmp_path):
    """Activations and gates leave no trace: a leaky U-Net would come back with ReLUs."""
    spec = UNDETERMINED[kind]
    with pytest.raises(SpecError, match="give its spec"):
        infer_spec(initial_state(spec, 0))
    ckpt.write(tmp_path / "a.ckpt", initial_state(spec, 0))
    with pytest.raises(SpecError, match=r"a\.ckpt: .*--spec"):
        convert.convert(tmp_path / "a.ckpt", tmp_path / "b.safetensors", verify=True)
    assert not (tmp_path / "b.safetensors").exists()
    (tmp_path / "spec.json").write_text(spec.to_json())
    assert convert.load(tmp_path / "a.ckpt", tmp_path / "spec.json").spec == spec


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["residual", *UNDETERMINED])
def test_there_and_back_to_the_bit_in_one_file(kind, suffix, tmp_path):
    source, other, back = (tmp_path / n for n in ("a.safetensors", f"b{suffix}", "c.safetensors"))
    original = checkpoint(kind)
    original.save(source)
    convert.convert(source, other)
    convert.convert(other, back)
    result = Checkpoint.load(back)
    assert result.spec == original.spec
    assert (result.recipe, result.provenance) == (original.recipe, original.provenance)
    for name, weight in original.state.items():
        assert result.state[name].tobytes() == weight.tobytes()
    assert len(list(tmp_path.iterdir())) == 3, "nothing beside a file that could be lost or stale"


@pytest.mark.parametrize("kind", ["residual", "griddehaze"])
def test_public_files(kind, tmp_path):
    """Bare names, in the formats in which the public code writes them, and nothing beside."""
    state = initial_state(DETERMINED[kind], 0)
    ckpt.write(tmp_path / "public.ckpt", state)
    done = convert.convert(tmp_path / "public.ckpt", tmp_path / "ours.safetensors")
    assert done.checkpoint.spec == DETERMINED[kind]
    assert done.checkpoint.provenance == {"converted_from": "public.ckpt"}
    convert.convert(tmp_path / "ours.safetensors", tmp_path / "again.ckpt")
    again = ckpt.read(tmp_path / "again.ckpt").tensors
    assert list(again) == list(state)
    assert all(np.array_equal(again[name], state[name]) for name in state)


@needs_torch
@pytest.mark.parametrize("zipped", [True, False])
def test_an_official_file_without_suffix(zipped, tmp_path):
    import torch

    state = initial_state(DETERMINED["griddehaze"], 0)
    tensors = {f"module.{name}": torch.from_numpy(array) for name, array in state.items()}
    source = tmp_path / "outdoor_haze_best_3_6"
    torch.save(tensors, source, _use_new_zipfile_serialization=zipped)
    run = osr("convert", source, tmp_path / "a.safetensors", "--verify")
    assert run.returncode == 0, run.stderr
    assert "griddehaze" in run.stdout
    assert "weights bit-identical" in run.stdout
    assert Checkpoint.load(tmp_path / "a.safetensors").spec == DETERMINED["griddehaze"]


@needs_torch
def test_averages_are_preferred_and_the_key_is_named(tmp_path):
    import torch

    state = initial_state(DETERMINED["residual"], 0)
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    halves = {name: tensor / 2 for name, tensor in tensors.items()}
    source, target = tmp_path / "a.pth", tmp_path / "b.safetensors"
    torch.save({"state_dict": tensors, "state_dict_ema": halves}, source)
    run = osr("convert", source, target)
    assert "from state_dict_ema (also there: state_dict; see --key)" in run.stdout
    name = "conv_out_3.weight"
    assert np.array_equal(Checkpoint.load(target).state[name], state[name] / 2)
    run = osr("convert", source, target, "--key", "state_dict")
    assert "from state_dict\n" in run.stdout
    assert np.array_equal(Checkpoint.load(target).state[name], state[name])
    run = osr("convert", source, target, "--key", "params")
    assert run.returncode == 2
    assert "nothing under 'params', but state_dict, state_dict_ema" in run.errors[0]


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_averages_among_the_tensors_of_one_state_dict(suffix, tmp_path):
    state = initial_state(DETERMINED["residual"], 0)
    both = {f"net.{name}": array for name, array in state.items()}
    both |= {f"ema.{name}": array / 2 for name, array in state.items()}
    source, name = tmp_path / f"a{suffix}", "conv_out_3.weight"
    formats.write(source, both, {})
    done = convert.convert(source, tmp_path / "b.safetensors")
    assert (done.key, done.others) == ("ema", ("net",))
    assert np.array_equal(done.checkpoint.state[name], state[name] / 2)
    done = convert.convert(source, tmp_path / "b.safetensors", key="net")
    assert np.array_equal(done.checkpoint.state[name], state[name])


def test_a_registered_name_and_a_spec_by_name(tmp_path):
    done = convert.convert(default_model(), tmp_path / "a.ckpt")
    bare = tmp_path / "bare.ckpt"
    ckpt.write(bare, done.checkpoint.state)
    again = convert.load(bare, spec=default_model())
    assert again.spec == done.checkpoint.spec == convert.find_spec(tmp_path / "a.ckpt")


def test_the_content_decides_on_the_format(tmp_path):
    original = checkpoint("residual")
    original.save(tmp_path / "a.ckpt")  # safetensors
    assert convert.load(tmp_path / "a.ckpt").spec == original.spec
    convert.save(original, tmp_path / "b.ckpt")
    (tmp_path / "b.ckpt").rename(tmp_path / "b")
    assert convert.load(tmp_path / "b").spec == original.spec
    if is_installed("torch"):
        convert.save(original, tmp_path / "c.pth")
        (tmp_path / "c.pth").rename(tmp_path / "c.ckpt")  # as Lightning names them
        assert convert.load(tmp_path / "c.ckpt").spec == original.spec
    for name, data, message in (
        ("d.bin", b"hello", "not a weight file of PyTorch, MindSpore or safetensors"),
        ("d.ckpt", b"hello", "not a MindSpore checkpoint"),
        ("d.safetensors", b"hello", "not a readable safetensors file"),
        ("d", b"", "not a weight file"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CheckpointError, match=rf"{name}: {message}"):
            convert.load(tmp_path / name)


def test_every_file_is_read_once(tmp_path, monkeypatch):
    checkpoint("residual").save(tmp_path / "a.safetensors")
    read, seen = formats.read, []
    monkeypatch.setattr(formats, "read", lambda path, *a: seen.append(path.name) or read(path, *a))
    convert.convert(tmp_path / "a.safetensors", tmp_path / "b.ckpt", verify=True)
    assert seen == ["a.safetensors", "b.ckpt"]


def test_wrapped_names_and_optimiser_state(tmp_path):
    state = initial_state(DETERMINED["residual"], 0)
    wrapped = {f"module.{name}": value for name, value in state.items()}
    moment = {"moment1.module.conv_out_3.weight": state["conv_out_3.weight"]}
    save_file({**wrapped, **moment, "global_step": np.zeros(1, "i4")}, tmp_path / "a.safetensors")
    loaded = convert.load(tmp_path / "a.safetensors")
    assert loaded.spec == DETERMINED["residual"]
    assert np.array_equal(loaded.state["conv_out_3.weight"], state["conv_out_3.weight"])


def test_mindspore_normalisation_names():
    names = ["bn.gamma", "bn.beta", "bn.moving_mean", "bn.moving_variance", "beta1_power", "beta"]
    assert list(canonical({name: np.zeros(1) for name in names})) == [
        "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "beta",
    ]  # fmt: skip


def test_half_precision_becomes_single(tmp_path):
    state = {n: w.astype(np.float16) for n, w in checkpoint("residual").state.items()}
    save_file(state, tmp_path / "a.safetensors")
    loaded = convert.load(tmp_path / "a.safetensors").state["conv_out_3.weight"]
    assert loaded.dtype == np.float32
    assert np.array_equal(loaded, state["conv_out_3.weight"].astype(np.float32))


def test_a_comparison_sees_a_single_changed_weight_and_another_activation():
    original = checkpoint("unet")
    identical, differences = convert.compare(original, original)
    assert identical
    assert "numpy" in differences
    assert max(differences.values()) <= convert.TOLERANCE
    state = {name: array.copy() for name, array in original.state.items()}
    state["tail.bias"][0] += 0.01
    identical, differences = convert.compare(original, Checkpoint(original.spec, state))
    assert not identical
    assert min(differences.values()) > convert.TOLERANCE
    leaky = Checkpoint(UNDETERMINED["leaky unet"], original.state)
    assert min(convert.compare(original, leaky)[1].values()) > convert.TOLERANCE


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_loses_nothing(suffix, tmp_path, monkeypatch):
    checkpoint("residual").save(tmp_path / "a.safetensors")
    target = tmp_path / f"b{suffix}"
    target.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    for module in ("weights.ckpt", "weights.pth", "osr_core.tensor_file"):
        monkeypatch.setattr(f"{module}.atomic_write", full)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        convert.convert(tmp_path / "a.safetensors", target)
    assert target.read_text() == "old"


def test_errors(tmp_path):
    checkpoint("residual").save(tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"b\.onnx: unknown format"):
        convert.convert(tmp_path / "a.safetensors", tmp_path / "b.onnx")
    with pytest.raises(CheckpointError, match=r"a\.ckpt: no such file"):
        convert.convert(tmp_path / "a.ckpt", tmp_path / "b.safetensors")
    with pytest.raises(CheckpointError, match="is the source itself"):
        convert.convert(tmp_path / "a.safetensors", tmp_path / "a.safetensors")
    save_file({"conv.weight": np.zeros(1, np.float32)}, tmp_path / "c.safetensors")
    with pytest.raises(SpecError, match=r"c\.safetensors: .*belong to no known network"):
        convert.convert(tmp_path / "c.safetensors", tmp_path / "b.ckpt")
    assert not (tmp_path / "b.ckpt").exists()
    for text in ("{", "[]", json.dumps({"version": 1})):
        (tmp_path / "spec.json").write_text(text)
        with pytest.raises(SpecError, match=r"spec\.json"):
            convert.find_spec(tmp_path / "spec.json")
    with pytest.raises(OSRError, match=r"c\.safetensors"):
        convert.find_spec(tmp_path / "c.safetensors")


@pytest.mark.parametrize("key", ["recipe", "provenance"])
@pytest.mark.parametrize("text", ["[1]", "{", "null"])
def test_metadata_that_is_not_an_object(key, text, tmp_path):
    checkpoint("residual").save(tmp_path / "a.safetensors")
    tensors, metadata = read_tensors(tmp_path / "a.safetensors")
    save_file(tensors, tmp_path / "b.safetensors", {**metadata, key: text})
    for load in (Checkpoint.load, convert.load):
        with pytest.raises(CheckpointError, match=rf"b\.safetensors: its {key} is not a JSON obj"):
            load(tmp_path / "b.safetensors")


@needs_torch
def test_torch_loads_a_converted_file_into_a_module(tmp_path):
    import torch

    from backends.torch import build

    original = checkpoint("unet")
    convert.save(original, tmp_path / "a.pth")
    assert pth.read(tmp_path / "a.pth").metadata["spec"] == original.spec.to_json()
    network = build(original.spec)
    network.load_state_dict(torch.load(tmp_path / "a.pth", weights_only=True), strict=True)
    assert np.array_equal(network.state()["tail.bias"], original.state["tail.bias"])
