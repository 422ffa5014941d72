"""Folders as Hugging Face's libraries keep them, and the entry point of torch.hub."""

import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import osr
from osr_core import Checkpoint
from osr_core.errors import CheckpointError, ModelError
from osr_core.initial import initial_state
from osr_core.model_folder import load_pretrained, save_pretrained
from osr_core.registry import registry
from osr_core.spec import ModelSpec, UNet
from osr_core.tensor_file import read_tensors, write_tensors

ROOT = Path(__file__).resolve().parent.parent
SPEC = ModelSpec(UNet((4, 6), 1))
IMAGES = np.random.default_rng(0).random((1, 3, 16, 8), np.float32)


def _card(folder):
    yaml = pytest.importorskip("yaml")
    _, metadata, text = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_there_and_back(runtime: ModuleType, tmp_path: Path) -> None:
    network = runtime.build(SPEC)
    network.overlap = 12
    network.save_pretrained(tmp_path / "mine", licence="CC-BY-4.0")
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == [
        "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip
    again = runtime.Network.from_pretrained(tmp_path / "mine", "cpu")
    assert isinstance(again, runtime.Network)
    np.testing.assert_array_equal(again.predict(IMAGES), network.predict(IMAGES))
    assert again.overlap == 12
    assert Checkpoint.load(tmp_path / "mine").spec == SPEC  # as any model's folder
    metadata, text = _card(tmp_path / "mine")
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["library_name"] == "osr"
    assert "# mine" in text


def test_a_published_model_has_its_card(tmp_path):
    osr.save_pretrained("osr-denoise", tmp_path)
    metadata, text = _card(tmp_path)
    assert metadata["license"] == registry()["osr-denoise"].licence.lower()
    assert metadata["pipeline_tag"] == "image-to-image"
    assert "BSDS500" in text
    assert "![" not in text
    assert all(target.startswith("https:") for target in re.findall(r"\]\(([^)]*)\)", text))
    published, found = Checkpoint.load("osr-denoise"), load_pretrained(tmp_path)
    for part in ("spec", "recipe", "provenance", "measured"):
        assert getattr(found, part) == getattr(published, part)
    assert all(np.array_equal(found.state[name], a) for name, a in published.state.items())
    (tmp_path / "README.md").write_text("mine")
    osr.save_pretrained("osr-derain", tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_weights_of_another_program_need_no_metadata(tmp_path):
    """Such as those that safetensors.torch.save_file writes."""
    save_pretrained(Checkpoint(SPEC, initial_state(SPEC, 0)), tmp_path)
    tensors, _ = read_tensors(tmp_path / "model.safetensors")
    from safetensors.numpy import save_file

    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    assert load_pretrained(tmp_path).spec == SPEC


def test_errors(tmp_path):
    with pytest.raises(ModelError, match="absent: no such folder; nothing is downloaded"):
        load_pretrained("user/absent")
    other = ModelSpec(UNet((4, 8), 1))
    save_pretrained(Checkpoint(SPEC, initial_state(SPEC, 0)), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"spec": other.to_dict()}))
    with pytest.raises(CheckpointError, match=r"config\.json describes another network than model"):
        load_pretrained(tmp_path)
    tensors, _ = read_tensors(tmp_path / "model.safetensors")
    write_tensors(tmp_path / "model.safetensors", tensors, {})
    with pytest.raises(CheckpointError, match=r"model\.safetensors: .*: shape"):
        load_pretrained(tmp_path)
    for text in ("{", "[]", "{}"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"config\.json: no configuration of a model"):
            load_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json: cannot be read: No such file"):
        load_pretrained(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file: cannot be written: File exists"):
        save_pretrained("osr-denoise", tmp_path / "file")


def test_torch_hub(tiny_model):
    torch = pytest.importorskip("torch")
    arguments = {"source": "local", "name": str(tiny_model), "device": "cpu"}
    network = torch.hub.load(str(ROOT), "osr_network", **arguments)
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 16, 16)).shape == (1, 3, 16, 16)
