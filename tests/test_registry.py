import hashlib
import re

import pytest

from osr_core.checkpoint import Checkpoint
from osr_core.errors import ModelError
from osr_core.registry import FOLDER, default_model, find_weights, registry
from osr_core.spec import ModelSpec


@pytest.mark.parametrize("name", registry())
def test_each_model_is_what_its_entry_says(name):
    entry = registry()[name]
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.sha256
    checkpoint = Checkpoint.load(entry.path)
    assert checkpoint.spec == ModelSpec.from_dict(entry.spec)
    assert checkpoint.recipe
    assert checkpoint.provenance["trained_with"]
    assert entry.licence
    assert entry.trained_on
    for figure in entry.figures:
        assert {"data", "protocol", "input", "restored"} <= set(figure)


@pytest.mark.parametrize("name", registry())
def test_each_figure_stands_in_the_card(name):
    entry = registry()[name]
    card = (FOLDER / entry.card).read_text("utf-8")
    assert name in card
    for figure in entry.figures:
        row = rf"{re.escape(figure['data'])}.*{figure['input']:.2f}.*{figure['restored']:.2f}"
        assert re.search(row, card), row


def test_names_and_files():
    path = find_weights(default_model())
    assert find_weights(path) == path
    with pytest.raises(ModelError, match=f"did you mean {default_model()}"):
        find_weights(default_model()[:-1])
    with pytest.raises(ModelError, match="no such file"):
        find_weights("absent.safetensors")
    with pytest.raises(ModelError, match="osr convert"):
        find_weights(__file__)


def test_a_degraded_file_is_noticed(monkeypatch, tmp_path):
    name = default_model()
    content = bytearray(registry()[name].path.read_bytes())
    content[-1] ^= 1
    (tmp_path / registry()[name].file).write_bytes(content)
    monkeypatch.setattr("osr_core.registry.FOLDER", tmp_path)
    with pytest.raises(ModelError, match="degraded"):
        find_weights(name)
