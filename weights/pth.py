"""PyTorch's ``.pth``/``.pt`` files ↔ NumPy arrays; PyTorch is imported only to write one.

Such a file is a zip archive: a pickle, and the bytes of each storage; before PyTorch 1.6 it was
several pickles and then the bytes. The pickle is interpreted by :mod:`weights.torch_pickle`, which
calls nothing. Members of the archive must be stored uncompressed, as PyTorch writes them, and agree
with their CRC, so that memory is bounded by the size of the file.

Metadata is in the attribute ``_metadata`` of a state dict, where PyTorch keeps versions of modules
and whose other names ``load_state_dict`` ignores. bfloat16 is read as float32, which holds it
exactly, since NumPy has no such type.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osr_core.checksum import seal, verify
from osr_core.errors import BackendError, CheckpointError
from osr_core.files import atomic_write, open_regular
from weights.content import Content, PathLike, naming, select
from weights.torch_pickle import NOT_ONE, REMEDY, State, Stored, Tensor, Unreadable, interpret

STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "u2",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "b1",
    "torch.uint16": "u2", "torch.uint32": "u4", "torch.uint64": "u8",
}  # fmt: skip
"""PyTorch's name of a storage → NumPy's kind and size; bfloat16 as its 16 bits."""

TEXT = "osr"
"""Name in ``_metadata`` under which the spec, recipe and provenance are stored."""

_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file without archive
_MAX_MEMBERS = 200_000
_ZIP_ERRORS = (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, OverflowError, struct.error)
_MAX_PICKLE = 64 * 2**20

Bytes = Callable[[Stored], bytes]
"""The content of a storage."""


def read(path: PathLike, key: str | None = None) -> Content:
    """Tensors in the file's order and metadata of a state dict, plain or nested in mappings.

    Arrays are writable (bfloat16 as float32), in C order, and independent of each other even where
    tensors shared memory. For ``key`` see :func:`weights.content.select`.

    Raises:
        CheckpointError: if the file cannot be read, needs code of its own, or holds anything but
            named tensors.
    """
    with naming(path), open_regular(path) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        zipped = file.read(2) == b"PK"
        file.seek(0)
        whole = io.BytesIO(file.read())
        data, order, content = _archive(whole, size) if zipped else _sequence(whole)
        state, key, others = select(data, key)
        if not isinstance(state, Mapping) or not state:
            raise CheckpointError(f"holds a {_kind(state)}, not named tensors")
        tensors, left = {}, 4 * size + 2**20  # tensors may share their bytes
        for name, value in state.items():
            tensors[name] = _array(name, value, order, content, left)
            left -= tensors[name].nbytes
        return Content(tensors, verify(tensors, _metadata(state)), key, others)


def write(
    path: PathLike, tensors: Mapping[str, ArrayLike], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays, at least one, as a state dict that ``load_state_dict`` accepts, atomically.

    Raises:
        BackendError: if PyTorch is not installed.
        CheckpointError: if an array cannot be stored, or the file cannot be written.
    """
    torch = _torch()
    with naming(path, "written"):
        if not tensors:
            raise CheckpointError("no tensors to write")
        state = OrderedDict((name, _tensor(torch, name, x)) for name, x in tensors.items())
        if metadata:
            state._metadata = OrderedDict({TEXT: seal(tensors, metadata)})  # type: ignore[attr-defined]
        # By way of memory: torch.save puts a file's name into the archive, and reports a full disk
        # by a RuntimeError.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        with atomic_write(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())


def _torch() -> ModuleType:
    try:
        import torch
    except ImportError:
        raise BackendError("writing .pth needs PyTorch: pip install 'osr[torch]'") from None
    return torch


def _archive(file: BinaryIO, size: int) -> tuple[Any, str, Bytes]:
    """The pickled value of a zip archive, its byte order, and a reader of its storages."""
    try:
        archive = zipfile.ZipFile(file)
        members = archive.infolist()
    except _ZIP_ERRORS:
        raise CheckpointError(NOT_ONE) from None
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(f"is a TorchScript program, and {REMEDY}")
    stored = all(m.compress_type == 0 and m.file_size == m.compress_size for m in members)
    total = sum(member.file_size for member in members)
    if not stored or total > size or len(members) > _MAX_MEMBERS:
        raise CheckpointError("its archive is compressed, which PyTorch's never is")
    prefix = next((n.removesuffix("data.pkl") for n in names if n.endswith("/data.pkl")), "")

    def content(name: str) -> bytes:
        try:
            return archive.read(prefix + name)
        except KeyError:
            raise CheckpointError(f"{NOT_ONE}: no {name[:80]}") from None
        except _ZIP_ERRORS:
            raise CheckpointError("is corrupted: a CRC-32 does not match; copy it again") from None

    order = ">" if f"{prefix}byteorder" in names and content("byteorder") == b"big" else "<"
    data, _ = interpret(io.BytesIO(content("data.pkl")))
    return data, order, cache(lambda storage: content(f"data/{storage.key}"))


def _sequence(file: BinaryIO) -> tuple[Any, str, Bytes]:
    """As :func:`_archive`, of a file before PyTorch 1.6: five pickles, then the storages."""
    if interpret(file)[0] != _MAGIC:
        raise CheckpointError(NOT_ONE)
    interpret(file)  # version of the format
    machine, _ = interpret(file)
    big = isinstance(machine, Mapping) and not machine.get("little_endian", True)
    data, storages = interpret(file)
    keys, _ = interpret(file)
    if not isinstance(keys, list) or {str(key) for key in keys} != storages.keys():
        raise CheckpointError(NOT_ONE)
    contents, order = {}, ">" if big else "<"
    for stored in [storages[str(key)] for key in keys]:
        if int.from_bytes(file.read(8), "big" if big else "little") != stored.count:
            raise CheckpointError(NOT_ONE)
        contents[stored.key] = file.read(stored.count * _type(stored, order).itemsize)
    return data, order, lambda storage: contents[storage.key]


def _type(storage: Stored, order: str) -> np.dtype[Any]:
    if storage.kind not in STORAGES:
        raise CheckpointError(f"type {storage.kind[:40]} is not supported")
    return np.dtype(order + STORAGES[storage.kind])


def _metadata(state: Any) -> dict[str, str]:
    texts = state.texts if isinstance(state, State) else None
    texts = texts.get(TEXT) if isinstance(texts, Mapping) else None
    if not isinstance(texts, Mapping):
        return {}
    return {str(name): value for name, value in texts.items() if isinstance(value, str)}


def _kind(value: Any) -> str:
    return "dict" if isinstance(value, State) else type(value).__name__


def _array(name: Any, value: Any, order: str, content: Bytes, left: int) -> NDArray[Any]:
    """The array of a tensor of at most ``left`` bytes."""
    if not isinstance(name, str):
        raise CheckpointError(f"{name!r:.80}: is not a name of a tensor")
    if isinstance(value, Unreadable):
        raise CheckpointError(f"{name!r:.80}: {value.reason}")
    if not isinstance(value, Tensor):
        raise CheckpointError(f"{name!r:.80}: is a {_kind(value)}, not a tensor")
    shape, strides = value.shape, value.strides
    dtype = _type(value.storage, order)
    numbers = (*shape, *strides, value.offset)
    if not all(type(n) is int and 0 <= n < 2**62 for n in numbers) or len(shape) != len(strides):
        raise CheckpointError(f"{name!r:.80}: is misshapen")
    last = value.offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    count = math.prod(shape)
    # A broadcast tensor has more values than its storage, which has no more than the file.
    if count > value.storage.count or count * dtype.itemsize > left or len(shape) > 32:
        raise CheckpointError(f"{name!r:.80}: shape {shape!s:.80} is more than the file holds")
    data = content(value.storage)
    if len(data) != value.storage.count * dtype.itemsize or (count and last >= value.storage.count):
        raise CheckpointError(f"{name!r:.80}: lies outside its storage; is the file corrupted?")
    values = np.frombuffer(data, dtype)
    steps = [stride * dtype.itemsize for stride in strides]
    start = values[value.offset :] if count else values[:0]
    array = np.array(np.lib.stride_tricks.as_strided(start, shape, steps), order="C")
    if value.storage.kind == "BFloat16Storage":  # the upper half of a float32
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if dtype.kind == "b":  # any byte but 0 is true, and NumPy wants it to be 1
        return np.asarray(array.view(np.uint8) != 0)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _tensor(torch: ModuleType, name: str, value: ArrayLike) -> Any:
    array = np.asarray(value)
    if not isinstance(name, str):
        raise CheckpointError(f"{name!r:.80}: is not a name of a tensor")
    try:
        # A copy, since tensors can neither be read-only nor have negative strides.
        return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
    except TypeError:
        raise CheckpointError(f"{name!r:.80}: type {array.dtype} is not in PyTorch") from None
