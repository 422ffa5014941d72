"""MindSpore's ``.ckpt`` files ↔ NumPy arrays, without MindSpore.

The format, as MindSpore's ``train/serialization.py`` writes it, is one protobuf message
(:data:`_SCHEMA`) of named tensors.

* Contents are little-endian, in C order. No dims, or the single dim 0, make a scalar.
* A tensor over 512 MiB is cut into consecutive values of one tag, which all carry its full dims.
* With ``crc_check=True`` the text ``crc_num`` and the CRC-32 of all bytes before it, as ten
  big-endian bytes, follow the message. It is always written, and verified if present.
* bfloat16, which NumPy lacks, is read as float32, which holds it exactly.
* Texts (type ``str``, UTF-32) may stand among the tensors; MindSpore ignores them when it loads a
  network. One of ours, :data:`TEXT`, carries the metadata; all others are ignored.
* A tensor of no elements is refused both ways: MindSpore drops it when saving, and the shape (0,)
  would come back as a scalar.

MindSpore trusts a file and can be crashed by one. Here no bytes cause more than a
:class:`CheckpointError`.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, message_factory, text_format
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from numpy.typing import ArrayLike, NDArray

from osr_core.checksum import seal, verify
from osr_core.errors import CheckpointError
from osr_core.files import atomic_write, open_regular
from osr_core.json_text import parse_json
from weights.content import Content, PathLike, naming

_SCHEMA = """
name: "osr/checkpoint.proto"  package: "osr"  syntax: "proto3"
message_type {
  name: "Checkpoint"
  field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".osr.Value" }
}
message_type {
  name: "Value"
  field { name: "tag" number: 1 type: TYPE_STRING }
  field { name: "tensor" number: 2 type: TYPE_MESSAGE type_name: ".osr.Tensor" }
  field { name: "maptensor" number: 3 type: TYPE_BYTES }
}
message_type {
  name: "Tensor"
  field { name: "dims" number: 1 label: LABEL_REPEATED type: TYPE_INT64 options { packed: false } }
  field { name: "tensor_type" number: 2 type: TYPE_STRING }
  field { name: "tensor_content" number: 3 type: TYPE_BYTES }
}
"""
_FILE = text_format.Parse(_SCHEMA, descriptor_pb2.FileDescriptorProto())
_MESSAGES = message_factory.GetMessages([_FILE])
_Checkpoint, _Value = _MESSAGES["osr.Checkpoint"], _MESSAGES["osr.Value"]

MAX_VALUES = 100_000
"""Most tensors that a file is read with."""

_CRC_MARK = b"crc_num"

SPLIT_BYTES = 512 * 2**20
"""Longest content of one value when writing; MindSpore's own limit."""

TEXT = "osr"
"""Name of the text that holds the metadata: a JSON object of strings."""

_CODES = {
    "Float64": "f8", "Float32": "f4", "Float16": "f2", "Bool": "b1",
    "Int64": "i8", "Int32": "i4", "Int16": "i2", "Int8": "i1",
    "UInt64": "u8", "UInt32": "u4", "UInt16": "u2", "UInt8": "u1",
}  # fmt: skip
"""MindSpore's name of a type → NumPy's kind and size."""

_NAMES = {code: name for name, code in _CODES.items()}


def read(path: PathLike) -> Content:
    """Tensors in the file's order, writable (bfloat16 as float32), and metadata.

    Raises:
        CheckpointError: if the file cannot be read, is not a MindSpore checkpoint, is corrupted, or
            holds what has no plain array: unknown types, hash tables, nothing at all.
    """
    with naming(path):
        texts: dict[str, bytes] = {}
        with open_regular(path) as file:
            values = _values(_message(file.read()))
        tensors = dict(_tensors(values, texts))
        if not tensors:
            raise CheckpointError("holds no tensors")
        return Content(tensors, verify(tensors, _metadata(texts.get(TEXT))))


def write(
    path: PathLike, tensors: Mapping[str, ArrayLike], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays into a file that ``mindspore.load_checkpoint`` reads, atomically.

    Args:
        path: the file; one that exists is replaced.
        tensors: at least one array, of float16/32/64, integers of 8 to 64 bit, or bool.
        metadata: texts to store beside them.

    Raises:
        CheckpointError: if a name or array cannot be stored, or the file cannot be written.

    >>> import tempfile; from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "net.ckpt"
    >>> write(path, {"conv.weight": np.ones((2, 3), np.float16)})
    >>> read(path).tensors["conv.weight"].shape
    (2, 3)
    """
    if not tensors:
        raise CheckpointError(f"{path}: no tensors to write")
    with naming(path, "written"), atomic_write(path) as temporary, temporary.open("wb") as file:
        crc = 0
        for value in _message_of(tensors, metadata):
            file.write(value)
            crc = zlib.crc32(value, crc)
        file.write(_CRC_MARK + crc.to_bytes(10, "big"))


def _message_of(
    tensors: Mapping[str, ArrayLike], metadata: Mapping[str, str] | None
) -> Iterator[bytes]:
    for name, array in tensors.items():
        yield from _encode(name, np.asarray(array))
    if metadata:
        content = json.dumps(seal(tensors, metadata)).encode("utf-32-le")
        yield _value(TEXT, "str", (0,), content)


def _metadata(content: bytes | None) -> dict[str, str]:
    try:
        found = parse_json(str(content, "utf-32-le"), 2**24) if content is not None else {}
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError):  # somebody else's text
        return {}


def _message(content: bytes) -> bytes:
    """The file without its CRC, which is verified."""
    if content.startswith(b"PK\x03\x04"):
        raise CheckpointError("is a PyTorch file, not MindSpore's; give it the suffix .pth")
    message, mark, crc = content[:-17], content[-17:-10], content[-10:]
    if mark != _CRC_MARK:
        return content
    if zlib.crc32(message) != int.from_bytes(crc, "big"):
        raise CheckpointError("is corrupted: its CRC-32 does not match; download it again")
    return message


def _values(message: bytes) -> Iterator[Any]:
    """Named tensors, one at a time, so that a file of a million empty ones costs nothing.

    Each is field 1 of the message: the byte 0x0a, its length as a varint, its bytes.
    """
    start = count = 0
    while start < len(message):
        length, begin = _varint(message, start + 1)
        stop, count = begin + length, count + 1
        if message[start] != 0x0A or stop > len(message) or count > MAX_VALUES:
            raise CheckpointError("not a MindSpore checkpoint, or a corrupted one")
        try:
            value = _Value.FromString(message[begin:stop])
        except DecodeError:
            raise CheckpointError("not a MindSpore checkpoint, or a corrupted one") from None
        if len(UnknownFieldSet(value)) or len(UnknownFieldSet(value.tensor)):
            raise CheckpointError("not a MindSpore checkpoint, or one with unknown fields")
        yield value
        start = stop


def _varint(message: bytes, start: int) -> tuple[int, int]:
    """An integer in groups of seven bits, and where it ends."""
    value = 0
    for index, byte in enumerate(message[start : start + 10]):
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, start + index + 1
    raise CheckpointError("not a MindSpore checkpoint, or a corrupted one")


def _tensors(values: Iterator[Any], texts: dict[str, bytes]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The tensors of a message; its texts go into ``texts``."""
    names = set()
    for name, group in groupby(values, lambda value: value.tag):
        parts = list(group)
        if not name:
            raise CheckpointError("not a MindSpore checkpoint: a tensor has no name")
        if any(value.maptensor for value in parts):
            raise CheckpointError(f"{name!r:.80}: is a hash table (MapParameter), not a tensor")
        tensors = [value.tensor for value in parts]
        headers = {(tensor.tensor_type, *tensor.dims) for tensor in tensors}
        if name in names or len(headers) > 1:
            raise CheckpointError(f"{name!r:.80}: stored twice")
        names.add(name)
        contents = [tensor.tensor_content for tensor in tensors]
        if tensors[0].tensor_type == "str":
            texts[name] = b"".join(contents)
        else:
            yield name, _join(name, tensors[0].tensor_type, tuple(tensors[0].dims), contents)


def _join(name: str, kind: str, dims: tuple[int, ...], contents: list[bytes]) -> NDArray[Any]:
    code = "u2" if kind == "BFloat16" else _CODES.get(kind)
    if code is None:
        raise CheckpointError(f"{name!r:.80}: type {kind!r:.40} is unknown")
    shape = () if dims == (0,) else dims
    dtype = np.dtype(f"<{code}")
    expected = math.prod(shape) * dtype.itemsize
    if any(dim <= 0 for dim in shape) or expected >> 63 or len(shape) > 32:  # NumPy's limits
        raise CheckpointError(f"{name!r:.80}: shape {shape!s:.80} is not a valid shape")
    size = sum(map(len, contents))
    if size > expected == len(contents[0]):
        raise CheckpointError(f"{name!r:.80}: stored twice")
    if size != expected:
        needs = f"{kind} of shape {shape!s:.80} takes {expected}"
        raise CheckpointError(f"{name!r:.80}: holds {size} bytes, but {needs}")
    array: NDArray[Any] = np.frombuffer(bytearray().join(contents), dtype).reshape(shape)
    if kind == "BFloat16":  # the upper half of a float32
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if kind == "Bool":  # any byte but 0 is true, and NumPy wants it to be 1
        return np.asarray(array.view(np.uint8) != 0)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _encode(name: str, array: NDArray[Any]) -> Iterator[bytes]:
    """One value, or several for a long array, in the bytes that MindSpore itself writes."""
    kind = _NAMES.get(f"{array.dtype.kind}{array.dtype.itemsize}")
    if kind is None:
        raise CheckpointError(f"{name!r:.80}: type {array.dtype} is not supported in .ckpt files")
    if not array.size:
        raise CheckpointError(f"{name!r:.80}: shape {array.shape} is empty; remove it")
    try:
        valid = len(name.encode("utf-8")) > 0
    except (AttributeError, UnicodeEncodeError):
        valid = False
    if not valid:
        raise CheckpointError(f"{name!r:.80}: is not a name; names are non-empty strings")
    raw = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    for start in range(0, len(raw), SPLIT_BYTES):
        yield _value(name, kind, array.shape, raw[start : start + SPLIT_BYTES])


def _value(tag: str, kind: str, dims: tuple[int, ...], content: bytes) -> bytes:
    tensor = {"dims": dims, "tensor_type": kind, "tensor_content": content}
    return bytes(_Checkpoint(value=[{"tag": tag, "tensor": tensor}]).SerializeToString())
