"""Weight files of every format, identified by their content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from osr_core.checkpoint import State
from osr_core.errors import CheckpointError
from osr_core.limits import check_bytes
from osr_core.tensor_file import read_tensors, write_tensors
from weights import ckpt, pth
from weights.content import Content, PathLike, naming, select

FORMATS = {".safetensors": "safetensors", ".pth": "pth", ".pt": "pth", ".ckpt": "ckpt"}
"""Suffix → format, of files that can be written."""


def read(path: PathLike, key: str | None = None) -> Content:
    """Read a weight file; its content decides on the format, and where it does not the suffix.

    For ``key``, where in the file the tensors are, see :func:`weights.content.select`.

    Raises:
        CheckpointError: if the file cannot be read, is not a weight file, or is too large.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise CheckpointError(f"{path}: no such file")
    with naming(path):
        name = _identify(path)
        check_bytes(path.stat().st_size)
    if name == "pth":
        return pth.read(path, key)
    content = ckpt.read(path) if name == "ckpt" else Content(*read_tensors(path))
    with naming(path):
        tensors, key, others = select(content.tensors, key)
    return Content(tensors, content.metadata, key, others)


def write(path: PathLike, tensors: State, metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata in the format of the path's suffix, atomically.

    Raises:
        CheckpointError: if the suffix is unknown or the file cannot be written.
        BackendError: if the format needs a framework that is not installed.
    """
    writers = {"safetensors": write_tensors, "pth": pth.write, "ckpt": ckpt.write}
    writers[target_format(path)](path, tensors, metadata)


def target_format(path: PathLike) -> str:
    """The format of a file to write; :class:`CheckpointError` if its suffix is unknown."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise CheckpointError(f"{path}: unknown format; use one of {', '.join(FORMATS)}")
    return FORMATS[suffix]


def _identify(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(9)
    if head.startswith(b"PK\x03\x04") or (head[:1] == b"\x80" and head[1:2] <= b"\x05"):
        return "pth"  # a zip archive or a pickle
    if head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors"
    if path.suffix.lower() not in FORMATS and head[:1] != b"\x0a":  # protobuf's field 1
        raise CheckpointError("not a weight file of PyTorch, MindSpore or safetensors")
    return FORMATS.get(path.suffix.lower(), "ckpt")
