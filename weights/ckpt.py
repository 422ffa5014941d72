"""MindSpore's ``.ckpt`` files ↔ NumPy arrays, without MindSpore and without protobuf.

The format, as MindSpore's ``train/serialization.py`` writes it, is one protobuf message::

    Checkpoint { repeated Value value = 1; }
    Value      { string tag = 1; Tensor tensor = 2; MapTensor maptensor = 3; }
    Tensor     { repeated int64 dims = 1; string tensor_type = 2; bytes tensor_content = 3; }

* Contents are little-endian, in C order. No dims, or the single dim 0, make a scalar.
* A tensor over 512 MiB is cut into consecutive values of one tag, which all carry its full dims.
* With ``crc_check=True`` the text ``crc_num`` and the CRC-32 of all bytes before it, as ten
  big-endian bytes, follow the message. It is verified if present.
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
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osr_core.errors import CheckpointError
from osr_core.files import atomic_write
from weights.content import Content, PathLike, naming
from weights.protobuf import fields, head, malformed, text, to_varint

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
_MAX_RANK = 32  # of a NumPy array
_CRC_MARK, _CRC_BYTES = b"crc_num", 10


def read(path: PathLike) -> Content:
    """Read the tensors of a file, by name, in its order, and its metadata.

    Returns:
        Arrays of the stored shape and type (bfloat16 as float32), writable and independent of
        each other.

    Raises:
        CheckpointError: if the file cannot be read, is not a MindSpore checkpoint, is corrupted, or
            holds what has no plain array: unknown types, hash tables, nothing at all.
    """
    with naming(path):
        texts: dict[str, bytes] = {}
        tensors = dict(_tensors(_without_crc(memoryview(Path(path).read_bytes())), texts))
        if not tensors:
            raise CheckpointError("holds no tensors")
        return Content(tensors, _metadata(texts.get(TEXT)))


def write(
    path: PathLike, tensors: Mapping[str, ArrayLike], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays into a file that ``mindspore.load_checkpoint`` reads; atomic.

    Args:
        path: the file; one that exists is replaced.
        tensors: arrays by name, of float16/32/64, signed or unsigned 8 to 64 bit integers, or
            bool, in any memory order; at least one of them.
        metadata: texts to store beside them.

    Raises:
        CheckpointError: if a name or array cannot be stored, or the file cannot be written.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "net.ckpt"
    >>> write(path, {"conv.weight": np.ones((2, 3), np.float16)})
    >>> read(path).tensors["conv.weight"].shape
    (2, 3)
    """
    if not tensors:
        raise CheckpointError(f"{path}: no tensors to write")
    with naming(path, "written"), atomic_write(path) as temporary, temporary.open("wb") as file:
        for name, array in tensors.items():
            file.writelines(_encode(name, np.asarray(array)))
        if metadata:
            content = json.dumps(dict(metadata)).encode("utf-32-le")
            file.write(_value(TEXT.encode(), "str", b"\x08\0", len(content)) + content)


def _metadata(content: bytes | None) -> dict[str, str]:
    try:
        found = json.loads(str(content, "utf-32-le")) if content is not None else {}
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError):  # somebody else's text
        return {}


@dataclass(frozen=True)
class _Part:
    """A tensor, or one of the consecutive pieces of a long one."""

    name: str
    kind: str
    dims: tuple[int, ...]
    content: memoryview


def _tensors(message: memoryview, texts: dict[str, bytes]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The tensors of a message; its texts go into ``texts``."""
    names = set()
    for name, group in groupby(_parts(message), lambda part: part.name):
        parts = list(group)
        shapes = {(part.kind, part.dims) for part in parts}
        if name in names or len(shapes) > 1:
            raise CheckpointError(f"{name!r:.80}: stored twice")
        names.add(name)
        if parts[0].kind == "str":
            texts[name] = b"".join(part.content for part in parts)
        else:
            yield name, _join(parts)


def _join(parts: list[_Part]) -> NDArray[Any]:
    name, kind, dims = parts[0].name, parts[0].kind, parts[0].dims
    code = "u2" if kind == "BFloat16" else _CODES.get(kind)
    if code is None:
        raise CheckpointError(f"{name!r:.80}: type {kind!r:.40} is unknown")
    shape = () if dims == (0,) else dims
    dtype = np.dtype(f"<{code}")
    expected = math.prod(shape) * dtype.itemsize
    if any(dim <= 0 for dim in shape) or expected >> 63:
        raise CheckpointError(f"{name!r:.80}: shape {shape!s:.80} is not a valid shape")
    size = sum(len(part.content) for part in parts)
    if size > expected == len(parts[0].content):
        raise CheckpointError(f"{name!r:.80}: stored twice")
    if size != expected:
        needs = f"{kind} of shape {shape!s:.80} takes {expected}"
        raise CheckpointError(f"{name!r:.80}: holds {size} bytes, but {needs}")
    raw = np.concatenate([np.asarray(part.content) for part in parts])
    array: NDArray[Any] = raw.view(dtype).reshape(shape)
    if kind == "BFloat16":  # the upper half of a float32
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if kind == "Bool":  # any byte but 0 is true, and NumPy wants it to be 1
        return np.asarray(array.view(np.uint8) != 0)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _without_crc(content: memoryview) -> memoryview:
    mark = len(_CRC_MARK) + _CRC_BYTES
    if content[-mark:-_CRC_BYTES] != _CRC_MARK:
        return content
    message = content[:-mark]
    if zlib.crc32(message) != int.from_bytes(content[-_CRC_BYTES:], "big"):
        raise CheckpointError("is corrupted: its CRC-32 does not match; download it again")
    return message


def _parts(message: memoryview) -> Iterator[_Part]:
    if bytes(message[:4]) == b"PK\x03\x04":
        raise CheckpointError("is a PyTorch file, not MindSpore's; give it the suffix .pth")
    for number, value in fields(message):
        if number != 1 or isinstance(value, int):
            raise malformed(f"field {number} is unknown")
        yield _part(value)


def _part(value: memoryview) -> _Part:
    known, _ = _collect(value, numbers=(1, 2, 3))
    name = text(known.get(1, b""))
    if not name:
        raise malformed("a tensor has no name")
    if 3 in known:
        raise CheckpointError(f"{name!r:.80}: is a hash table (MapParameter), not a tensor")
    if 2 not in known:
        raise CheckpointError(f"{name!r:.80}: has no tensor")
    tensor, dims = _collect(known[2], numbers=(2, 3), integers=1)
    if len(dims) > _MAX_RANK:
        raise CheckpointError(f"{name!r:.80}: has more than {_MAX_RANK} dimensions")
    if tensor.keys() != {2, 3}:
        raise CheckpointError(f"{name!r:.80}: has no type or no content")
    return _Part(name, text(tensor[2]), tuple(dims), tensor[3])


def _collect(
    message: memoryview, numbers: tuple[int, ...], integers: int | None = None
) -> tuple[dict[int, memoryview], list[int]]:
    """The fields of a message: single ones of bytes, and the repeated one of integers."""
    single: dict[int, memoryview] = {}
    repeated: list[int] = []
    for number, value in fields(message):
        if number == integers and isinstance(value, int):
            repeated.append(value - (value >> 63 << 64))  # two's complement
        elif number in numbers and number not in single and not isinstance(value, int):
            single[number] = value
        else:
            raise malformed(f"field {number} is unknown or repeated")
    return single, repeated


def _encode(name: str, array: NDArray[Any]) -> Iterator[bytes | memoryview]:
    """One value, or several for a long array, in the bytes that MindSpore itself writes."""
    kind = _NAMES.get(f"{array.dtype.kind}{array.dtype.itemsize}")
    if kind is None:
        raise CheckpointError(f"{name!r:.80}: type {array.dtype} has no place in a .ckpt")
    if not array.size:
        raise CheckpointError(f"{name!r:.80}: shape {array.shape} is empty; leave it out")
    try:
        tag = name.encode("utf-8")
    except (AttributeError, UnicodeEncodeError):
        tag = b""
    if not tag:
        raise CheckpointError(f"{name!r:.80}: is not a name; names are non-empty strings")
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    raw = little.reshape(-1).view(np.uint8).data
    dims = b"".join(b"\x08" + to_varint(size) for size in array.shape)
    for start in range(0, len(raw), SPLIT_BYTES):
        content = raw[start : start + SPLIT_BYTES]
        yield _value(tag, kind, dims, len(content))
        yield content


def _value(tag: bytes, kind: str, dims: bytes, length: int) -> bytes:
    """All bytes of a value but its content, which comes last."""
    tensor = dims + head(2, len(kind)) + kind.encode() + head(3, length)
    value = head(1, len(tag)) + tag + head(2, len(tensor) + length) + tensor
    return head(1, len(value) + length) + value
