"""The neutral checkpoint: a safetensors file whose metadata describes the network.

Metadata, all JSON text: ``spec`` (:mod:`osr_core.spec`), ``recipe`` (how it was trained) and
``provenance`` (on which data, with which versions and result). Tensors are float32, by canonical
name. A file whose tensors are not exactly those of its spec is refused by name and shape. Equal
checkpoints are equal files, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from osr_core.analysis import analyse
from osr_core.errors import CheckpointError, SpecError
from osr_core.files import atomic_write
from osr_core.migration import upgrade_names
from osr_core.registry import check_hash, find_weights
from osr_core.spec import External, ModelSpec

State = Mapping[str, NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Checkpoint:
    """A network's weights and what is known of them."""

    spec: ModelSpec
    state: State
    """float32 arrays by canonical name."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained; empty if unknown."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Data, seed, versions, source file."""
    sha256: str = field(default="", compare=False)
    """Of the file that it was read from."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, atomically.

        Raises:
            CheckpointError: if the weights do not match the spec, or the file cannot be written.
        """
        write_tensors(path, *self.content())

    def content(self) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
        """Tensors in the spec's order, and metadata; :class:`CheckpointError` if they disagree."""
        check_state(self.spec, self.state)
        names = state_names(self.spec, self.state)
        tensors = {n: np.ascontiguousarray(self.state[n], np.float32) for n in names}
        metadata = {
            "format": "osr",
            "spec": self.spec.to_json(),
            "recipe": json.dumps(dict(self.recipe)),
            "provenance": json.dumps(dict(self.provenance)),
        }
        return tensors, metadata

    @classmethod
    def load(cls, model: str | os.PathLike[str]) -> Checkpoint:
        """Read a model's file.

        Args:
            model: a registered name, a ``.safetensors`` file with or without its suffix, or the
                folder of a training run.

        Raises:
            ModelError: if there is no such model, or a published file is corrupted.
            CheckpointError: if it is no safetensors file, carries no spec, or its tensors are
                not the spec's.
        """
        path = find_weights(model)
        content = _read(path)
        sha256 = hashlib.sha256(content).hexdigest()
        check_hash(model, sha256)
        parsed = _parse(path, content)
        try:
            return replace(cls.parse(*parsed), sha256=sha256)
        except (SpecError, CheckpointError) as error:
            raise CheckpointError(f"{path}: {error}") from None

    @classmethod
    def parse(cls, tensors: State, metadata: Mapping[str, str]) -> Checkpoint:
        """The inverse of :meth:`content`; specs and names of earlier versions are upgraded.

        Raises:
            CheckpointError: if there is no spec, or the tensors are not the spec's.
            SpecError: if the spec is malformed.
        """
        if "spec" not in metadata:
            raise CheckpointError("carries no spec; 'osr convert' writes a file that does")
        spec = ModelSpec.from_json(metadata["spec"])
        state = upgrade_names(tensors)
        check_state(spec, state)
        names = state_names(spec, state)
        ordered = {name: state[name].astype(np.float32, copy=False) for name in names}
        return cls(spec, ordered, _object(metadata, "recipe"), _object(metadata, "provenance"))


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Tensors and metadata of any safetensors file.

    Raises:
        CheckpointError: if there is no such file or it is not safetensors with types NumPy has;
            the message names the file.
    """
    return _parse(path, _read(path))


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str],
) -> None:
    """Write a safetensors file, atomically; the same content gives the same bytes.

    Raises:
        CheckpointError: if it cannot be written, on a full disk for instance.
    """
    content = save(dict(tensors), dict(metadata))
    # The package writes the metadata in random order, so the header is written again.
    size, header = _header(content)
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    try:
        with atomic_write(path) as temporary:
            temporary.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from None


def state_names(spec: ModelSpec, names: Iterable[str]) -> list[str]:
    """Names of tensors in the spec's order, then those that the spec does not know, sorted."""
    known = {parameter.name: None for parameter in analyse(spec).parameters}
    return [*known, *sorted(name for name in names if name not in known)]


def check_state(spec: ModelSpec, state: State) -> None:
    """Raise :class:`CheckpointError` unless the weights are exactly those of the spec.

    Names and shapes must agree, types be floating, and all values finite. Of an external backbone
    any names and shapes will do.
    """
    shapes = {parameter.name: parameter.shape for parameter in analyse(spec).parameters}
    if isinstance(spec.backbone, External):
        inner = {n: array.shape for n, array in state.items() if n.startswith("backbone.")}
        shapes = {**shapes, **inner}
    check_tensors(shapes, state)


def check_tensors(shapes: Mapping[str, tuple[int, ...]], state: State) -> None:
    """As :func:`check_state`, for names and shapes that are known."""
    for name, shape in shapes.items():
        if name not in state:
            raise CheckpointError(f"{name}: missing; expected shape {shape}")
        array = state[name]
        if array.shape != shape:
            raise CheckpointError(f"{name}: shape {array.shape}, expected {shape}")
        if not np.issubdtype(array.dtype, np.floating):
            raise CheckpointError(f"{name}: type {array.dtype}, expected a floating type")
        if not np.isfinite(array).all():
            raise CheckpointError(f"{name}: holds values that are not finite")
    for name in state:
        if name not in shapes:
            raise CheckpointError(f"{name}: not a parameter of the network")


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None


def _parse(
    path: str | os.PathLike[str], content: bytes
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a readable safetensors file: {error}") from None
    except KeyError as error:
        raise CheckpointError(f"{path}: type {error} is not one NumPy has") from None
    return tensors, _header(content)[1].get("__metadata__", {})


def _header(content: bytes) -> tuple[int, dict[str, Any]]:
    """Size and JSON of the header of a valid file."""
    size = int.from_bytes(content[:8], "little")
    return size, json.loads(content[8 : 8 + size])


def _object(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        found = json.loads(metadata.get(key, "{}"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CheckpointError(f"its {key} is not a JSON object")
    return found
