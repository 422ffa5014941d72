"""PyTorch's .pth: what torch saves, what people nest, and what must never run."""

from __future__ import annotations

import os
import pickle
import sys

import numpy as np
import pytest
from test_weight_files import assert_same, refuses

from osr_core.errors import BackendError, CheckpointError
from weights import pth


class Trap:
    """Unpickled without care, it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "net.pth"


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("metadata", [None, {"spec": "{}"}])
def test_torch_reads_ours(torch, file, metadata):
    given = {"weight": np.ones((4, 6), np.float32)[:, ::-2], "bias": np.ones(4, ">f4")}
    given["weight"].flags.writeable = False
    pth.write(file, given, metadata)
    layer = torch.nn.Linear(3, 4)
    layer.load_state_dict(torch.load(file, weights_only=True))
    assert layer.weight.eq(1).all()
    assert layer.bias.eq(1).all()


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saves(torch, file, zipped):
    base = torch.arange(6.0).reshape(2, 3)
    state = {
        "parameter": torch.nn.Parameter(base.clone()),
        "transposed": base.T,
        "shared": base,
        "part": base[1:, ::2],
        "half": torch.tensor([1.5, 2**-120]).bfloat16(),
        "count": torch.tensor(7),
        "empty": torch.zeros(0, 3),
    }
    torch.save(state, file, _use_new_zipfile_serialization=zipped)
    found = pth.read(file).tensors
    assert list(found) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], tensor.detach().float().numpy())
        assert found[name].shape == tuple(tensor.shape)
    assert found["half"].dtype == np.float32
    assert found["count"].dtype == np.int64
    found["shared"][:] = 9
    assert found["transposed"].max() == found["part"].max() == 5


@pytest.mark.parametrize(
    ("wrap", "key", "others"),
    [
        (lambda state, other: state, "", ()),
        (lambda state, other: {"state_dict": state, "epoch": 3}, "state_dict", ()),
        (lambda state, other: {"model": state, "optimizer": {"state": {}}}, "model", ()),
        (lambda state, other: {"params": other, "params_ema": state}, "params_ema", ("params",)),
        (lambda state, other: {"ema": state, "model": other}, "ema", ("model",)),
        (
            lambda state, other: {"state_dict": other, "state_dict_ema": state},
            "state_dict_ema", ("state_dict",),
        ),
        (lambda state, other: {"model_state_dict": state, "loss": 0.1}, "model_state_dict", ()),
        (lambda state, other: {"model": {"state_dict": state}}, "model.state_dict", ()),
        (
            lambda state, other: {"model": {"params": other, "ema": state}},
            "model.ema", ("model.params",),
        ),
        (lambda state, other: {"state_dict": state, "model": "resnet"}, "state_dict", ()),
        (lambda state, other: {"weights_g": state, "epoch": 3}, "weights_g", ()),
    ],
)  # fmt: skip
def test_nests(torch, file, wrap, key, others):
    torch.save(wrap({"a": torch.ones(2)}, {"a": torch.zeros(2)}), file)
    found = pth.read(file)
    assert_same(found.tensors, {"a": np.ones(2, np.float32)})
    assert (found.key, found.others) == (key, others)
    for other in others:
        assert pth.read(file, other).tensors["a"].sum() == 0


def test_a_key_that_is_asked_for(torch, file):
    torch.save({"g": {"a": torch.ones(2)}, "d": {"a": torch.zeros(2)}, "epoch": 3}, file)
    assert pth.read(file, "g").tensors["a"].sum() == 2
    with pytest.raises(CheckpointError, match=r"holds g, d; choose one \(--key\)"):
        pth.read(file)
    with pytest.raises(CheckpointError, match="nothing under 'f', but g, d, epoch"):
        pth.read(file, "f")
    torch.save({"net.ema.a": torch.ones(2), "net.a": torch.zeros(2)}, file)
    assert list(pth.read(file, "net.ema").tensors) == ["a"]


def test_foreign_code_is_refused_and_not_run(torch, file, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    sprung = tmp_path / "sprung"
    torch.save({"a": torch.ones(1), "b": Trap(sprung)}, file)
    zipped = file.read_bytes()
    for data in (pickle.dumps(Trap(sprung), 2), zipped):
        refuses(pth, file, data, r"needs (posix|nt).mkdir, and code in weight files is never")
        assert not sprung.exists()
    with pytest.warns(UserWarning, match="FORCE_NO_WEIGHTS_ONLY"):  # a trap it is
        torch.load(file)
    assert sprung.exists()


def test_whole_models_are_refused(torch, file):
    torch.save(torch.nn.Linear(2, 2), file)
    refuses(pth, file, file.read_bytes(), "needs torch.nn.modules.linear.Linear, and")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(file))
    refuses(pth, file, file.read_bytes(), "TorchScript")


@pytest.mark.filterwarnings("error")
def test_foreign_pickles_are_refused_without_ado(torch, file):
    refuses(pth, file, pickle.dumps({"a": 1}, 4), "not a PyTorch weight file.*ValueError")


def test_what_is_no_state_dict(torch, file):
    endless = {}
    endless["model"] = endless
    cases = [
        ([torch.ones(1)], "holds a list"),
        (torch.ones(1), "holds a Tensor"),
        ({}, "holds a dict"),
        ({"model": {}}, "'model': is a dict"),
        ({"a": torch.ones(1), "epoch": 3}, "'epoch': is a int, not a tensor"),
        ({"a": torch.ones(1), "net_g": {"a": torch.ones(1)}}, "'net_g': is a dict"),
        ({3: torch.ones(1)}, "3: is not a name"),
        (endless, "'model': is a dict"),
        ({"a": torch.ones(2).to_sparse()}, "sparse"),
        ({"a": torch.ones(2, device="meta")}, "without data"),
        ({"a": torch.ones(1).expand(10**6, 10**6)}, "more than the file holds"),
        ({"a": torch.ones(1).to(torch.float8_e5m2)}, "float8_e5m2 is not supported"),
    ]
    for data, words in cases:
        torch.save(data, file)
        refuses(pth, file, file.read_bytes(), words)


def test_without_torch(torch, file, monkeypatch):
    pth.write(file, {"a": np.ones(1)})
    monkeypatch.setitem(sys.modules, "torch", None)
    assert_same(pth.read(file).tensors, {"a": np.ones(1)})
    with pytest.raises(BackendError, match=r"writing .pth needs PyTorch: pip install"):
        pth.write(file, {"a": np.ones(1)})
