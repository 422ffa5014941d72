"""PyTorch files from anyone: programs, bombs and lies. Nothing is run, and none takes 256 MiB."""

from __future__ import annotations

import io
import pickle
import resource
import struct
import zipfile

import numpy as np
import pytest

from osr_core.errors import CheckpointError
from weights import pth

HEAD = b"\x80\x02"
GLOBAL = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def storage(key="0", count=4, kind="FloatStorage"):
    name = b"ctorch\n" + kind.encode() + b"\n"
    return b"(" + text("storage") + name + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(shape=(4,), strides=(1,), offset=0, count=4):
    sizes = b"(" + b"".join(map(number, shape)) + b"t"
    steps = b"(" + b"".join(map(number, strides)) + b"t"
    rest = b"\x89ccollections\nOrderedDict\n)R"
    return GLOBAL + b"(" + storage(count=count) + number(offset) + sizes + steps + rest + b"tR"


def state(value, key=None):
    return HEAD + b"}" + (key or text("a")) + value + b"s."


def archive(path, program, compression=zipfile.ZIP_STORED, data=bytes(16)):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", program)
        file.writestr("archive/data/0", data)
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "net.pth"


@pytest.fixture(autouse=True)
def small_memory():
    """What is refused is refused before it is allocated."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 2**18  # KiB


def refused(file, words):
    with pytest.raises(CheckpointError, match=words) as caught:
        pth.read(file)
    assert str(file) in str(caught.value)


def test_what_the_attacks_start_from_is_read(file):
    values = np.arange(4, dtype="<f4")
    found = pth.read(archive(file, state(tensor()), data=values.tobytes())).tensors["a"]
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("where", ["data.pkl", "data/0"])
def test_deflated_members(file, where):
    """3 MB that inflate to 3 GiB; here 100 KB to 100 MB."""
    big = bytes(10**8)
    program = state(tensor())
    inside = (program, big) if where == "data/0" else (big, b"")
    refused(archive(file, inside[0], zipfile.ZIP_DEFLATED, inside[1]), "compressed")


PROGRAMS = {
    "calls a function": (HEAD + b"cos\nsystem\n" + b"(" + text("true") + b"tR.", "needs os.system"),
    "a bytearray of 3 GiB": (
        HEAD + b"cbuiltins\nbytearray\n\x8a\x05" + (3 * 2**30).to_bytes(5, "little") + b"\x85R.",
        "needs builtins.bytearray",
    ),
    "a byte string with a false length": (HEAD + b"\x8e" + b"\xff" * 7 + b"\x7f", "not a PyTorch"),
    "shared tuples as a key, which take 2^34 steps to hash": (
        state(b"N", b")" + b"q\x00h\x00\x86" * 34), "TypeError",
    ),
    "a codec": (state(b"c_codecs\nencode\n" + text("x") + text("idna") + b"\x86R"), "'a': is a"),
    "a number of 255 bytes": (state(b"\x8a\xff" + b"\x7f" * 255), "'a': is a int"),
    "a broadcast tensor": (state(tensor((2**30,), (0,))), "more than the file holds"),
    "beyond its storage": (state(tensor((4,), (1,), offset=1)), "outside its storage"),
    "negative strides": (state(tensor((4,), (-1,), offset=3)), "misshapen"),
    "a storage with a false size": (state(tensor((8,), (1,), count=8)), "outside its storage"),
    "no storage": (state(tensor()).replace(text("0"), text("9")), "no data/9"),
    "a storage outside the archive": (
        state(tensor()).replace(text("0"), text("../0")), "no data/../0",
    ),
    "an escape sequence in a name": (state(b"N", text("\x1b[2J\nosr: done")), r"\\x1b\[2J\\nosr"),
    "no end": (HEAD + b"}", "not a PyTorch"),
    "an unknown instruction": (HEAD + b"\x95.", "not a PyTorch"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(file, name):
    program, words = PROGRAMS[name]
    refused(archive(file, program), words)


def test_one_storage_of_many_tensors_is_not_multiplied(file):
    """3 MB shared by 4,000 tensors would be 12 GB."""
    entries = b"".join(text(f"{n}") + tensor((10**6,), (1,), count=10**6) for n in range(100))
    program = HEAD + b"}(" + entries + b"u."
    refused(archive(file, program, data=bytes(4 * 10**6)), "more than the file holds")


def test_a_member_beyond_the_end(file):
    """Its offset takes more than 63 bits."""
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("archive/data.pkl", state(tensor()))
        zipped.infolist()[0].header_offset = 2**63
    refused(file, "is corrupted|not a PyTorch")


def test_a_flipped_bit(file):
    """The CRC-32 of the archive finds it, in the program and in the storages."""
    content = bytearray(archive(file, state(tensor())).read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        starts = [info.header_offset + 30 + len(info.filename) for info in zipped.infolist()]
    for place in starts:
        content[place] ^= 1
        file.write_bytes(content)
        refused(file, "CRC-32")
        content[place] ^= 1


def test_a_pickle_without_archive(file):
    for data in (pickle.dumps({"a": 1}, 2), HEAD, HEAD + b"." * 9, b"\x80\x02N." * 5):
        file.write_bytes(data)
        refused(file, "not a PyTorch")
