"""safetensors files, read and written with nothing taken on trust.

Eight bytes hold the length of a JSON header, which holds type, shape and place of each tensor in
the bytes after it, and metadata (texts). The header is checked as a whole before a tensor is read,
so that memory is bounded by the size of the file: tensors must fill it without gap or overlap.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.checksum import seal, verify
from osr_core.errors import CheckpointError, printable
from osr_core.files import atomic_write, open_regular
from osr_core.json_text import parse_json

HEADER_BYTES = 32 * 2**20
"""Longest header that is read."""

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "|b1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1",
}  # fmt: skip
"""Name of a type → NumPy's; bfloat16, which it lacks, is read as float32."""

_NAMES = {np.dtype(code): name for name, code in _TYPES.items() if name != "BF16"}
_MAX_RANK = 32
_MAX_NAME = 1000


@dataclass(frozen=True)
class Place:
    """One tensor in a file."""

    kind: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """What a file says that it holds."""

    tensors: Mapping[str, Place] = field(default_factory=dict)
    """In the order of their bytes."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    """Bytes before the first tensor."""


def read_file(
    path: str | os.PathLike[str], accept: Callable[[Header], object] = lambda header: None
) -> tuple[dict[str, NDArray[Any]], dict[str, str], str]:
    """Tensors, metadata and SHA-256 of a file.

    Args:
        path: the file.
        accept: called with the header before any tensor is read, so that it can refuse the file.

    Raises:
        CheckpointError: if the file cannot be read, is not safetensors, is corrupted, or holds a
            type that NumPy lacks; the message names the file.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            header = _header(file, size)
            accept(header)
            file.seek(0)
            digest = hashlib.sha256(file.read(header.size))
            tensors = {n: _tensor(file, p, digest) for n, p in header.tensors.items()}
        return tensors, verify(tensors, header.metadata), digest.hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Tensors and metadata of a file; see :func:`read_file`."""
    return read_file(path)[:2]


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str],
) -> None:
    """Write a file with a checksum, atomically; the same content gives the same bytes.

    Raises:
        CheckpointError: if it cannot be written, on a full disk for instance.
    """
    header: dict[str, Any] = {"__metadata__": seal(tensors, metadata)}
    # Wide types first, so that each tensor is aligned.
    ordered = dict(sorted(tensors.items(), key=lambda item: -item[1].itemsize))
    stop = 0
    for name, array in ordered.items():
        start, stop = stop, stop + array.nbytes
        kind = _NAMES.get(array.dtype.newbyteorder("<"))
        if kind is None:
            raise CheckpointError(f"{path}: {name}: type {array.dtype} is not supported")
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [start, stop]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    try:
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for array in ordered.values():
                little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
                file.write(little.reshape(-1).view(np.uint8).data)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from None


def _header(file: BufferedReader, size: int) -> Header:
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(HEADER_BYTES, size - 8):
        raise CheckpointError("not a readable safetensors file: the length of its header is wrong")
    try:
        parsed = parse_json(file.read(length), HEADER_BYTES, depth=4)
        if not isinstance(parsed, dict):
            raise ValueError("its header is no object")
        metadata = parsed.pop("__metadata__", {})
        places = {name: _place(name, entry) for name, entry in parsed.items()}
        texts = all(isinstance(text, str) for text in metadata.values())
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"not a readable safetensors file: {printable(error)}") from None
    if not texts:
        raise CheckpointError("not a readable safetensors file: its metadata are no texts")
    ordered = dict(sorted(places.items(), key=lambda item: (item[1].start, item[1].stop)))
    end = 0
    for name, place in ordered.items():
        if place.start != end:
            raise CheckpointError(f"{printable(name)}: its bytes overlap others, or leave a gap")
        end = place.stop
    if end != size - 8 - length:
        raise CheckpointError(
            f"not a readable safetensors file: {size - 8 - length:,} bytes of tensors, not {end:,}"
        )
    return Header(ordered, metadata, 8 + length)


def _place(name: str, entry: Any) -> Place:
    shown = printable(name)
    if len(name) > _MAX_NAME:
        raise ValueError(f"{shown}: a name of {len(name):,} characters")
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{shown}: expected dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _TYPES:
        raise CheckpointError(f"{shown}: type {printable(kind, 20)!r} is not supported")
    if not _are_sizes(shape) or len(shape) > _MAX_RANK or math.prod(shape) >> 60:
        raise ValueError(f"{shown}: not a valid shape")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"{shown}: not valid offsets")
    place = Place(kind, tuple(shape), *offsets)
    expected = math.prod(place.shape) * np.dtype(_TYPES[kind]).itemsize
    if place.stop - place.start != expected:
        raise ValueError(f"{shown}: {place.stop - place.start:,} bytes, expected {expected:,}")
    return place


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)


def _tensor(file: BufferedReader, place: Place, digest: Any) -> NDArray[Any]:
    array = np.empty(place.shape, _TYPES[place.kind])
    content = array.reshape(-1).view(np.uint8)
    if file.readinto(content.data) != content.size:
        raise CheckpointError("not a readable safetensors file: it was truncated while it was read")
    digest.update(content.data)
    if place.kind == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if place.kind == "BOOL":  # any byte but 0 is true, and NumPy wants it to be 1
        return np.asarray(array.view(np.uint8) != 0)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
