import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from osr_core.backend import is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, SpecError
from osr_core.initial import initial_state
from osr_core.spec import (
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    UNet,
)
from weights import ckpt, convert
from weights.naming import canonical, infer_spec

PLAIN = {
    "residual": ModelSpec(Residual()),
    "griddehaze": ModelSpec(GridDehaze()),
    "griddehaze of another size": ModelSpec(GridDehaze(2, 4, 8, 3, 6)),
    "unet": ModelSpec(UNet((4, 6, 8), blocks=1)),
    "unet with context": ModelSpec(UNet((4, 6), 1, context=(5, 7))),
    "unet at full resolution": ModelSpec(UNet((4,), blocks=3, unshuffle=1)),
}
REPROGRAMMED = ModelSpec(
    UNet((4, 6), 1), InputTransform(3, 3, "shared"), OutputTransform(4, residual=True), frozen=True
)
SUFFIXES = [
    ".safetensors",
    ".ckpt",
    pytest.param(".pth", marks=pytest.mark.skipif(not is_installed("torch"), reason="no torch")),
]


@pytest.mark.parametrize("kind", PLAIN)
def test_the_spec_is_read_off_public_names(kind):
    assert infer_spec(initial_state(PLAIN[kind], 0)) == PLAIN[kind]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("spec", [PLAIN["unet"], REPROGRAMMED], ids=["plain", "reprogrammed"])
def test_there_and_back_to_the_bit(spec, suffix, tmp_path):
    source, other, back = (tmp_path / n for n in ("a.safetensors", f"b{suffix}", "c.safetensors"))
    original = Checkpoint(spec, initial_state(spec, 0), {"steps": 1}, {"data": "photographs"})
    original.save(source)
    convert.convert(source, other)
    convert.convert(other, back)
    result = Checkpoint.load(back)
    assert result.spec == spec
    assert (result.recipe, result.provenance) == (original.recipe, original.provenance)
    for name, weight in original.state.items():
        assert result.state[name].tobytes() == weight.tobytes()


@pytest.mark.parametrize("kind", ["residual", "griddehaze"])
def test_public_files(kind, tmp_path):
    """Bare names, in the formats in which the public code writes them, and nothing beside."""
    state = initial_state(PLAIN[kind], 0)
    ckpt.write(tmp_path / "public.ckpt", state)
    checkpoint = convert.convert(tmp_path / "public.ckpt", tmp_path / "ours.safetensors")
    assert checkpoint.spec == PLAIN[kind]
    convert.convert(tmp_path / "ours.safetensors", tmp_path / "again.ckpt")
    again = ckpt.read(tmp_path / "again.ckpt")
    assert list(again) == list(state)
    assert all(np.array_equal(again[name], state[name]) for name in state)


def test_wrapped_names_and_optimiser_state(tmp_path):
    state = initial_state(PLAIN["unet"], 0)
    wrapped = {f"module.{name}": value for name, value in state.items()}
    extra = {"moment1.module.head.weight": state["head.weight"], "global_step": np.zeros(1, "i4")}
    save_file({**wrapped, **extra}, tmp_path / "a.safetensors")
    checkpoint = convert.load(tmp_path / "a.safetensors")
    assert checkpoint.spec == PLAIN["unet"]
    assert np.array_equal(checkpoint.state["tail.bias"], state["tail.bias"])


def test_mindspore_normalisation_names():
    names = ["bn.gamma", "bn.beta", "bn.moving_mean", "bn.moving_variance", "beta1_power", "beta"]
    assert list(canonical({name: np.zeros(1) for name in names})) == [
        "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "beta",
    ]  # fmt: skip


def test_half_precision_becomes_single(tmp_path):
    state = {n: w.astype(np.float16) for n, w in initial_state(PLAIN["unet"], 0).items()}
    save_file(state, tmp_path / "a.safetensors")
    loaded = convert.load(tmp_path / "a.safetensors").state["head.weight"]
    assert loaded.dtype == np.float32
    assert np.array_equal(loaded, state["head.weight"].astype(np.float32))


def test_a_reprogrammed_network_needs_its_spec(tmp_path):
    state = initial_state(REPROGRAMMED, 0)
    ckpt.write(tmp_path / "a.ckpt", state)
    with pytest.raises(CheckpointError, match=r"a\.ckpt: .*--spec"):
        convert.load(tmp_path / "a.ckpt")
    spec = tmp_path / "spec.json"
    spec.write_text(REPROGRAMMED.to_json())
    loaded = convert.load(tmp_path / "a.ckpt", convert.find_spec(str(spec)))
    assert loaded.spec == REPROGRAMMED


def test_verify_sees_a_single_changed_weight(tmp_path):
    spec = PLAIN["unet"]
    Checkpoint(spec, initial_state(spec, 0)).save(tmp_path / "a.safetensors")
    convert.convert(tmp_path / "a.safetensors", tmp_path / "b.ckpt")
    rows = convert.verify(tmp_path / "a.safetensors", tmp_path / "b.ckpt")
    assert all(row.passed and row.bits_equal for row in rows)
    assert rows[0].engine == "numpy"
    changed = ckpt.read(tmp_path / "b.ckpt")
    changed["tail.bias"][0] += 0.01
    ckpt.write(tmp_path / "b.ckpt", changed)
    rows = convert.verify(tmp_path / "a.safetensors", tmp_path / "b.ckpt")
    assert not any(row.passed or row.bits_equal for row in rows)


def test_errors(tmp_path):
    with pytest.raises(CheckpointError, match=r"a\.onnx: unknown format"):
        convert.convert(tmp_path / "a.onnx", tmp_path / "b.ckpt")
    with pytest.raises(CheckpointError, match=r"a\.ckpt: no such file"):
        convert.convert(tmp_path / "a.ckpt", tmp_path / "b.safetensors")
    save_file({"conv.weight": np.zeros(1, np.float32)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="belong to no known network"):
        convert.convert(tmp_path / "a.safetensors", tmp_path / "b.ckpt")
    with pytest.raises(CheckpointError, match="is the source itself"):
        convert.convert(tmp_path / "a.safetensors", tmp_path / "a.safetensors")
    assert not (tmp_path / "b.ckpt").exists()
    for text in ("{", "[]", json.dumps({"version": 1})):
        (tmp_path / "spec.json").write_text(text)
        with pytest.raises(SpecError, match=r"spec\.json"):
            convert.find_spec(str(tmp_path / "spec.json"))
