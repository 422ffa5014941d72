"""Weight files of every format, identified by their content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from osr_core.checkpoint import State, read_tensors, write_tensors
from osr_core.errors import CheckpointError
from weights import ckpt, pth
from weights.content import Content, select

PathLike = str | os.PathLike[str]

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")
"""Formats that can be written."""


def read(path: PathLike, key: str | None = None) -> Content:
    """The content of a weight file. It decides on the format, and where it does not the suffix.

    Args:
        path: the file.
        key: where in the file the tensors are; see :func:`weights.content.select`.

    Raises:
        CheckpointError: if the file cannot be read or is not a weight file.
        BackendError: if the format needs a framework that is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    name = _identify(path)
    if name == "pth":
        return pth.read(path, key)
    content = ckpt.read(path) if name == "ckpt" else Content(*read_tensors(path))
    try:
        tensors, key, others = select(content.tensors, key)
        return Content(tensors, content.metadata, key, others)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def write(path: PathLike, tensors: State, metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata in the format of the path's suffix, atomically.

    Raises:
        CheckpointError: if the file cannot be written.
        BackendError: if the format needs a framework that is not installed.
    """
    suffix = target_suffix(path)
    if suffix == ".safetensors":
        write_tensors(path, tensors, metadata)
    else:
        (ckpt if suffix == ".ckpt" else pth).write(path, tensors, metadata)


def target_suffix(path: PathLike) -> str:
    """The suffix of a file to write; :class:`CheckpointError` if it is unknown."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise CheckpointError(f"{path}: unknown format; use one of {', '.join(SUFFIXES)}")
    return suffix


def _identify(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
    if head.startswith(b"PK\x03\x04") or (head[:1] == b"\x80" and head[1:2] <= b"\x05"):
        return "pth"  # a zip archive or a pickle
    if head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors"
    known = {".safetensors": "safetensors", ".pth": "pth", ".pt": "pth", ".ckpt": "ckpt"}
    if path.suffix.lower() not in known and head[:1] != b"\x0a":  # protobuf's field 1
        raise CheckpointError(f"{path}: not a weight file of PyTorch, MindSpore or safetensors")
    return known.get(path.suffix.lower(), "ckpt")
