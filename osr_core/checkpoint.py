"""The neutral checkpoint: a safetensors file whose metadata says what it is.

Metadata, all JSON text: ``spec`` (:mod:`osr_core.spec`), ``recipe`` (how it was trained) and
``provenance`` (on what, by whom, with which result). Tensors are float32, by canonical name.
A file whose tensors are not exactly those of its spec is refused by name and shape.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from osr_core.analysis import analyse
from osr_core.errors import CheckpointError, SpecError
from osr_core.files import atomic_write
from osr_core.migration import upgrade_names
from osr_core.spec import ModelSpec

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
    """Data, seed, versions, source file: whatever a reader should know."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, atomically.

        Raises:
            CheckpointError: if the weights do not match the spec, or the file cannot be written.
        """
        write_tensors(path, *self.content())

    def content(self) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
        """Tensors in the spec's order, and metadata; :class:`CheckpointError` if they disagree."""
        check_state(self.spec, self.state)
        names = [parameter.name for parameter in analyse(self.spec).parameters]
        tensors = {n: np.ascontiguousarray(self.state[n], np.float32) for n in names}
        metadata = {
            "format": "osr",
            "spec": self.spec.to_json(),
            "recipe": json.dumps(dict(self.recipe)),
            "provenance": json.dumps(dict(self.provenance)),
        }
        return tensors, metadata

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Read a file.

        Raises:
            CheckpointError: if it is no safetensors file, carries no spec, or its tensors are
                not the spec's.
        """
        try:
            return cls.parse(*read_tensors(path))
        except (SpecError, CheckpointError) as error:
            text = str(error)
            named = text if text.startswith(f"{path}: ") else f"{path}: {text}"
            raise CheckpointError(named) from None

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
        names = [parameter.name for parameter in analyse(spec).parameters]
        ordered = {name: state[name].astype(np.float32, copy=False) for name in names}
        return cls(spec, ordered, _object(metadata, "recipe"), _object(metadata, "provenance"))


def _object(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        found = json.loads(metadata.get(key, "{}"))
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise CheckpointError(f"its {key} is not a JSON object")
    return found


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Tensors and metadata of any safetensors file, with errors that name it.

    Raises:
        CheckpointError: if there is no such file or it is not safetensors with types NumPy has.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, TypeError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file: {error}") from None


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str],
) -> None:
    """Write a safetensors file, atomically.

    Raises:
        CheckpointError: if it cannot be written, on a full disk for instance.
    """
    # Not by save_file: the package's own writer hides the system's reason in a text.
    content = save(dict(tensors), dict(metadata))
    try:
        with atomic_write(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from None


def check_state(spec: ModelSpec, state: State) -> None:
    """Raise :class:`CheckpointError` unless the weights are exactly those of the spec.

    Names and shapes must agree, types be floating, and all numbers finite.
    """
    expected = {parameter.name: parameter.shape for parameter in analyse(spec).parameters}
    for name, shape in expected.items():
        if name not in state:
            raise CheckpointError(f"{name}: missing; the spec asks for shape {shape}")
        array = state[name]
        if array.shape != shape:
            raise CheckpointError(f"{name}: shape {array.shape}, the spec asks for {shape}")
        if not np.issubdtype(array.dtype, np.floating):
            raise CheckpointError(f"{name}: type {array.dtype}, expected a floating type")
        if not np.isfinite(array).all():
            raise CheckpointError(f"{name}: holds numbers that are not finite")
    for name in state:
        if name not in expected:
            raise CheckpointError(f"{name}: not a parameter of the spec")
