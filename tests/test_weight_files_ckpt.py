"""MindSpore's .ckpt: its bytes, its corruption, and MindSpore itself as the judge."""

from __future__ import annotations

import binascii
import os

import numpy as np
import pytest
from test_weight_files import arrays, assert_same, read_bytes, refuses

from osr_core.errors import CheckpointError
from weights import ckpt

os.environ.setdefault("GLOG_v", "3")  # silences MindSpore, if set before its import


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def value(name=b"a", kind=b"Float32", dims=(2,), content=bytes(8)):
    """One tensor in MindSpore's bytes, written with none of the code under test."""
    sizes = b"".join(b"\x08" + varint(dim % 2**64) for dim in dims)
    return field(1, field(1, name) + field(2, sizes + field(2, kind) + field(3, content)))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "net.ckpt"


def test_known_bytes(file):
    data = value(dims=(1, 2), content=np.array([1, 2], "<f4").tobytes())
    np.testing.assert_array_equal(read_bytes(ckpt, file, data)["a"], np.float32([[1, 2]]))
    ckpt.write(file, {"a": np.float32([[1, 2]])})
    crc = b"crc_num" + binascii.crc32(data).to_bytes(10, "big")
    assert file.read_bytes() == data + crc


@pytest.mark.parametrize("dims", [(), (0,)])
def test_both_ways_to_say_scalar(file, dims):
    found = read_bytes(ckpt, file, value(dims=dims, content=np.float32(3).tobytes()))["a"]
    assert found.shape == ()
    assert found == 3


def test_bfloat16_becomes_float32(file):
    numbers = np.array([1.5, -2, np.inf, 2**-130], np.float32)  # exact in bfloat16
    content = (numbers.view(np.uint32) >> 16).astype("<u2").tobytes()
    found = read_bytes(ckpt, file, value(kind=b"BFloat16", dims=(2, 2), content=content))["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, numbers.reshape(2, 2))


def test_any_byte_but_zero_is_true(file):
    found = read_bytes(ckpt, file, value(kind=b"Bool", dims=(3,), content=b"\x00\x01\x07"))
    assert found["a"].tolist() == [False, True, True]
    assert found["a"].tobytes() == b"\x00\x01\x01"


def test_texts_are_passed_over(file):
    note = value(b"note", b"str", (0,), "hi".encode("utf-32-le"))
    assert list(read_bytes(ckpt, file, value() + note)) == ["a"]
    refuses(ckpt, file, note, "no tensors")
    for content in (b"x", "[1]".encode("utf-32-le"), "{".encode("utf-32-le")):
        read_bytes(ckpt, file, value() + value(b"osr", b"str", (0,), content))
        assert ckpt.read(file).metadata == {}


def test_split_tensors(file, monkeypatch):
    given = {"long": np.arange(10, dtype=np.float64), "short": np.ones(2, np.float32)}
    monkeypatch.setattr(ckpt, "SPLIT_BYTES", 24)
    ckpt.write(file, given)
    assert file.read_bytes().count(b"long") == 4
    assert_same(ckpt.read(file).tensors, given)


def test_split_tensors_as_mindspore_may_cut_them(file):
    content = np.arange(4, dtype="<f4").tobytes()
    parts = [value(dims=(4,), content=part) for part in (content, b"", b"")]
    assert read_bytes(ckpt, file, b"".join(parts))["a"].tolist() == [0, 1, 2, 3]
    parts = [value(dims=(4,), content=part) for part in (content[:12], content[12:])]
    assert read_bytes(ckpt, file, b"".join(parts))["a"].tolist() == [0, 1, 2, 3]
    refuses(ckpt, file, parts[0], "12 bytes, but Float32 of shape .4,. takes 16")


def test_crc(file):
    good = value() + b"crc_num" + binascii.crc32(value()).to_bytes(10, "big")
    assert list(read_bytes(ckpt, file, good)) == ["a"]
    refuses(ckpt, file, value(content=b"1" * 8) + good[len(value()) :], "CRC-32")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no tensors"),
        (b"crc_num" + bytes(10), "no tensors"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a MindSpore checkpoint"),
        (b'{"spec": {}}', "not a MindSpore checkpoint"),
        (b"PK\x03\x04" + bytes(50), "PyTorch.*suffix .pth"),
        (value()[:-1], "a corrupted one"),
        (value() + b"\x0a\x80", "a corrupted one"),
        (b"\x0a" + b"\xff" * 9 + b"\x01", "a corrupted one"),
        (b"\x0a" + b"\xff" * 10, "a corrupted one"),
        (field(2, value()), "not a MindSpore checkpoint"),
        (field(1, field(4, b"a")), "unknown fields"),
        (field(1, field(2, field(4, b"a"))), "unknown fields"),
        (field(1, b""), "no name"),
        (value(name=b""), "no name"),
        (value(name=b"\xff"), "a corrupted one"),
        (field(1, field(1, b"a")), "'a': type '' is unknown"),
        (field(1, field(1, b"a") + field(3, b"b")), "'a': is a hash table"),
        (field(1, field(1, b"a") + field(2, field(3, bytes(4)))), "'a': type '' is unknown"),
        (field(1, field(1, b"a") + field(2, field(2, b"Float32"))), "0 bytes, but"),
        (value(kind=b"Complex64"), "'Complex64' is unknown"),
        (value(kind=b"x" * 10**6), "is unknown"),
        (value(name=b"n" * 10**6, dims=(3,)), "8 bytes"),
        (value(dims=(1,)), "8 bytes, but Float32 of shape .1,. takes 4"),
        (value(dims=(3,)), "8 bytes, but Float32 of shape .3,. takes 12"),
        (value(dims=(2**40,)), "8 bytes, but"),
        (value(dims=(2**62, 2**62)), "is not a valid shape"),
        (value(dims=(2**62,) * 32), "is not a valid shape"),
        (value(dims=(1,) * 33), "is not a valid shape"),
        (value(dims=(-2,)), r"shape \(-2,\) is not a valid shape"),
        (value(dims=(-2, -1)), "is not a valid shape"),
        (value(dims=(0, 2), content=b""), "is not a valid shape"),
        (value(dims=(0,), content=b""), "0 bytes, but"),
        (value() * 2, "'a': stored twice"),
        (value() + value(b"b") + value(), "'a': stored twice"),
        (value() + value(dims=(1, 2)), "'a': stored twice"),
    ],
)
def test_malformed(file, data, words):
    refuses(ckpt, file, data, words)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"a": np.zeros((0, 3), np.float32)}, "'a': shape .0, 3. is empty"),
        ({"a": np.zeros(2, np.complex64)}, "'a': type complex64"),
        ({"": np.zeros(2)}, "is not a name"),
        ({"\ud800": np.zeros(2)}, "is not a name"),
    ],
)
def test_refused_writes(file, tensors, words):
    with pytest.raises(CheckpointError, match=words):
        ckpt.write(file, tensors)
    assert not file.exists()


@pytest.fixture
def mindspore():
    return pytest.importorskip("mindspore")


def save(mindspore, file, given, **options):
    listed = [{"name": n, "data": mindspore.Tensor(a)} for n, a in given.items()]
    mindspore.save_checkpoint(listed, str(file), **options)


@pytest.mark.parametrize("crc", [False, True])
def test_ours_reads_theirs(mindspore, file, crc):
    save(mindspore, file, arrays(), crc_check=crc)
    assert (b"crc_num" in file.read_bytes()) == crc
    assert_same(ckpt.read(file).tensors, arrays())


def test_theirs_reads_ours(mindspore, file):
    ckpt.write(file, arrays())
    found = mindspore.load_checkpoint(str(file))
    assert_same({name: found[name].asnumpy() for name in found}, arrays())


def test_theirs_loads_ours_with_metadata_into_a_network(mindspore, file):
    weight = np.random.default_rng(0).random((4, 3), np.float32)
    ckpt.write(file, {"weight": weight, "bias": np.ones(4, np.float32)}, {"spec": '"größe"'})
    net = mindspore.nn.Dense(3, 4)
    found = mindspore.load_checkpoint(str(file))
    absent, ignored = mindspore.load_param_into_net(net, found, strict_load=True)
    assert (absent, ignored) == ([], ["osr"])
    np.testing.assert_array_equal(net.weight.asnumpy(), weight)


def test_the_metadata_is_read_as_they_write_it(mindspore, file):
    listed = [{"name": "a", "data": mindspore.Tensor([1.0])}]
    mindspore.save_checkpoint(listed, str(file), append_dict={"osr": '{"spec": "größe"}'})
    assert ckpt.read(file).metadata == {"spec": "größe"}


def test_the_bytes_are_the_same(mindspore, file, tmp_path):
    save(mindspore, file, arrays(), crc_check=True)
    ckpt.write(tmp_path / "ours.ckpt", arrays())
    assert (tmp_path / "ours.ckpt").read_bytes() == file.read_bytes()


def test_split_tensors_of_both(mindspore, file, tmp_path, monkeypatch):
    given = {"long": np.arange(1000, dtype=np.float32), "short": np.ones(2, np.float32)}
    monkeypatch.setattr(mindspore.train.serialization, "SLICE_SIZE", 1)  # KiB
    save(mindspore, file, given)
    assert file.read_bytes().count(b"long") == 4
    assert_same(ckpt.read(file).tensors, given)
    monkeypatch.setattr(ckpt, "SPLIT_BYTES", 1024)
    ckpt.write(tmp_path / "ours.ckpt", given)
    found = mindspore.load_checkpoint(str(tmp_path / "ours.ckpt"))
    assert_same({name: found[name].asnumpy() for name in found}, given)


def test_bfloat16_and_what_loops_append(mindspore, file):
    tensor = mindspore.Tensor([1.5, -2.0], mindspore.bfloat16)
    extra = {"epoch_num": 3, "note": "hi"}
    listed = [{"name": "a", "data": tensor}]
    mindspore.save_checkpoint(listed, str(file), append_dict=extra)
    found = ckpt.read(file).tensors
    assert {name: array.tolist() for name, array in found.items()} == {
        "a": [1.5, -2.0],
        "epoch_num": 3,
    }
    assert found["a"].dtype == np.float32
