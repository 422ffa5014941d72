"""Foreign weight files ↔ arrays: what both formats promise, and the helpers of their own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from osr_core.errors import CheckpointError
from weights import ckpt, pth

TYPES = [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)]
TYPES += [np.dtype(t) for t in ("f2", "f4", "f8", "?")]


def arrays():
    """Every type in several shapes, scalars included, with the awkward numbers."""
    rng = np.random.default_rng(0)
    found = {}
    for dtype in TYPES:
        for shape in ((), (1,), (2, 3), (4, 1, 2, 2)):
            raw = rng.integers(0, 256, (*shape, dtype.itemsize), np.uint8)
            array = (raw > 127 if dtype.kind == "b" else raw.view(dtype)).reshape(shape)
            found[f"{dtype.name}.{len(shape)}"] = array
    found["specials"] = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45], np.float32)
    return found


def assert_same(actual, expected):
    assert list(actual) == list(expected)
    for name, array in expected.items():
        assert isinstance(actual[name], np.ndarray)
        assert actual[name].dtype == array.dtype, name
        assert actual[name].shape == array.shape, name
        assert actual[name].tobytes() == array.tobytes(), name


def read_bytes(module, path, data):
    path.write_bytes(data)
    return module.read(path).tensors


def outcomes(module, path, cases):
    """What reading says of each: nothing, or the error's message; other errors come through."""
    for data in cases:
        try:
            read_bytes(module, path, data)
            yield ""
        except CheckpointError as error:
            yield str(error)


def corrupted(valid, rng, count):
    """Copies cut short, copies with flipped bits, both, and plain noise."""
    for _ in range(count):
        yield valid[: rng.integers(len(valid))]
        yield rng.bytes(rng.integers(1, 200))
        for length in (len(valid), len(valid), *rng.integers(20, len(valid), 2)):
            broken = bytearray(valid[:length])
            for bit in rng.integers(8 * length, size=rng.integers(1, 4)):
                broken[bit // 8] ^= 1 << bit % 8
            yield bytes(broken)


def refuses(module, path, data, words):
    with pytest.raises(CheckpointError, match=words) as caught:
        read_bytes(module, path, data)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400


@pytest.fixture(params=[ckpt, pth], ids=["ckpt", "pth"])
def module(request):
    if request.param is pth:
        pytest.importorskip("torch")
    return request.param


@pytest.fixture
def file(tmp_path, module):
    return tmp_path / ("net.pth" if module is pth else "net.ckpt")


def test_round_trip(module, file):
    module.write(file, arrays())
    found = module.read(file).tensors
    assert_same(found, arrays())
    assert all(array.flags.writeable and array.flags.c_contiguous for array in found.values())
    assert os.listdir(file.parent) == [file.name]


def test_metadata(module, file):
    metadata = {"spec": '{"ä": 1}', "recipe": "{}"}
    module.write(file, arrays(), metadata)
    found = module.read(file)
    assert found.metadata == metadata
    assert_same(found.tensors, arrays())
    module.write(file, arrays())
    assert module.read(file).metadata == {}


def test_memory_order_byte_order_and_names(module, file):
    base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    base.flags.writeable = False
    given = {"transposed": base.T, "strided": base[:, ::-2], "größer": base.astype(">f4")}
    module.write(file, given)
    found = module.read(file).tensors
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.dtype("=f4")


def test_same_arrays_give_the_same_bytes(module, file):
    module.write(file, arrays())
    first = file.read_bytes()
    module.write(file, arrays())
    assert file.read_bytes() == first


def test_only_checkpoint_errors_come_out(module, file, monkeypatch):
    monkeypatch.setattr(ckpt, "SPLIT_BYTES", 16)
    module.write(file, {"a": np.ones((3, 2), np.float32), "b": np.ones(5), "c": np.array(True)})
    cases = [b"", *corrupted(file.read_bytes(), np.random.default_rng(2), 80)]
    messages = list(outcomes(module, file, cases))
    assert not any("\n" in message for message in messages)
    assert 160 < sum(map(bool, messages)) < len(messages)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "no tensors"),
        ({"a": np.array(["x"])}, "'a': type <U1"),
        ({"a": np.array([None])}, "'a': type object"),
        ({3: np.zeros(2)}, "3: is not a name"),
    ],
)
def test_refused_writes_leave_the_old_file(module, file, tensors, words):
    module.write(file, {"old": np.ones(1)})
    with pytest.raises(CheckpointError, match=words):
        module.write(file, {"fine": np.zeros(2), **tensors} if tensors else {})
    assert list(module.read(file).tensors) == ["old"]
    assert os.listdir(file.parent) == [file.name]


def test_paths_that_cannot_be(module, file):
    absent = file.parent / "absent" / file.name
    with pytest.raises(CheckpointError, match=r"absent.*cannot be written: No such file"):
        module.write(absent, {"a": np.ones(1)})
    with pytest.raises(CheckpointError, match=r"absent.*[Nn]o such file"):
        module.read(absent)
    with pytest.raises(CheckpointError):
        module.read(file.parent)


def test_importing_loads_no_framework():
    program = "import sys; import weights.ckpt, weights.pth; print(*sys.modules)"
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "mindspore"}
