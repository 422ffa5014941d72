"""The neutral checkpoint: a safetensors file whose metadata describes the network.

Metadata, all JSON text: ``spec`` (:mod:`osr_core.spec`), ``recipe`` (how it was trained),
``provenance`` (on which data, with which versions and result) and ``measured`` (what tiles and
precisions of it cost). Tensors are float32, by canonical
name. A file whose tensors are not exactly those of its spec is refused by name and shape. Equal
checkpoints are equal files, byte for byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.analysis import analyse
from osr_core.checksum import CHECKSUM
from osr_core.errors import CheckpointError, SpecError, printable
from osr_core.json_text import parse_json
from osr_core.migration import upgrade_names
from osr_core.registry import check_hash, find_weights
from osr_core.spec import External, ModelSpec
from osr_core.tensor_file import Header, read_file, write_tensors

State = Mapping[str, NDArray[np.floating[Any]]]

METADATA_LENGTH = 2**22
"""Longest recipe or provenance, in characters."""


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
    measured: Mapping[str, float] = field(default_factory=dict)
    """What was measured of it: ``overlap``, in pixels, that tiles need, and ``bfloat16``, decibels
    that this precision costs; absent if unknown."""
    sha256: str = field(default="", compare=False)
    """Of the file that it was read from."""
    folder: Path | None = field(default=None, compare=False)
    """Of that file."""

    @property
    def overlap(self) -> int | None:
        """Pixels by which tiles should overlap, if that was measured."""
        return int(self.measured["overlap"]) if "overlap" in self.measured else None

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
        if self.measured:
            metadata["measured"] = json.dumps(dict(self.measured))
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
        check_hash(model)
        tensors, metadata, sha256 = read_file(path, _accept)
        try:
            return replace(cls.parse(tensors, metadata), sha256=sha256, folder=path.parent)
        except (SpecError, CheckpointError) as error:
            raise CheckpointError(f"{path}: {error}") from None

    @classmethod
    def parse(cls, tensors: State, metadata: Mapping[str, str]) -> Checkpoint:
        """The inverse of :meth:`content`; specs and names of earlier versions are upgraded.

        Raises:
            CheckpointError: if there is no spec, or the tensors are not the spec's.
            SpecError: if the spec is malformed.
        """
        spec = _spec(metadata)
        state = upgrade_names(tensors)
        check_state(spec, state)
        names = state_names(spec, state)
        ordered = {name: state[name].astype(np.float32, copy=False) for name in names}
        recipe, provenance, measured = (
            _object(metadata, key) for key in ("recipe", "provenance", "measured")
        )
        return cls(spec, ordered, recipe, provenance, measured)


def state_names(spec: ModelSpec, names: Iterable[str]) -> list[str]:
    """Names of tensors in the spec's order, then those that the spec does not know, sorted."""
    known = {parameter.name: None for parameter in analyse(spec).parameters}
    return [*known, *sorted(name for name in names if name not in known)]


def check_state(spec: ModelSpec, state: State) -> None:
    """Raise :class:`CheckpointError` unless the weights are exactly those of the spec.

    Names and shapes must agree, types be floating, and all values finite in float32. Of an
    external backbone any names and shapes will do.
    """
    check_tensors(_shapes(spec, {n: array.shape for n, array in state.items()}), state)


def check_tensors(shapes: Mapping[str, tuple[int, ...]], state: State) -> None:
    """As :func:`check_state`, for names and shapes that are known."""
    check_shapes(shapes, {name: array.shape for name, array in state.items()})
    for name, array in state.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise CheckpointError(f"{name}: type {array.dtype}, expected a floating type")
        with np.errstate(over="ignore"):  # of float64 that float32 cannot hold
            finite = np.isfinite(array.astype(np.float32, copy=False)).all()
        if not finite:
            raise CheckpointError(f"{name}: holds values that are not finite in float32")


def check_shapes(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise :class:`CheckpointError` unless names and shapes are those expected."""
    for name, shape in expected.items():
        if name not in found:
            raise CheckpointError(f"{printable(name)}: missing; expected shape {shape}")
        if found[name] != shape:
            raise CheckpointError(
                f"{printable(name)}: shape {printable(found[name])}, expected {shape}"
            )
    for name in found:
        if name not in expected:
            raise CheckpointError(f"{printable(name)}: not a parameter of the network")


def _shapes(spec: ModelSpec, found: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Names and shapes that a spec asks for."""
    shapes = {parameter.name: parameter.shape for parameter in analyse(spec).parameters}
    if isinstance(spec.backbone, External):
        inside = [n for n in found if n.startswith("backbone.") and spec.stores(n)]
        shapes |= {name: found[name] for name in inside}
    return shapes


def _accept(header: Header) -> None:
    """Check the spec of a file against the shapes in its header, before its tensors are read."""
    try:
        found = upgrade_names({name: place.shape for name, place in header.tensors.items()})
        check_shapes(_shapes(_spec(header.metadata), found), found)
    except SpecError as error:
        raise CheckpointError(str(error)) from None


_KEYS = {"format", "spec", "recipe", "provenance", "measured", CHECKSUM}


def _spec(metadata: Mapping[str, str]) -> ModelSpec:
    if "spec" not in metadata:
        raise CheckpointError("has no spec in its metadata; 'osr convert' writes a file with one")
    if unknown := metadata.keys() - _KEYS:
        # Also the key of the checksum with a flipped bit.
        raise CheckpointError(f"unknown metadata {printable(min(unknown))}; is it corrupted?")
    return ModelSpec.from_json(metadata["spec"])


def _object(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        found = parse_json(metadata.get(key, "{}"), METADATA_LENGTH)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CheckpointError(f"its {key} is not a JSON object, or nested too deep")
    if key == "measured" and not all(type(each) in (int, float) for each in found.values()):
        raise CheckpointError("its measured holds a value that is not a number")
    return found
