"""Weight files of one format into another: ``.safetensors``, ``.pth``/``.pt``, ``.ckpt``.

All three carry the spec, the recipe and the provenance beside the tensors, which have canonical
names: for a plain network the public names of its backbone. Only to write ``.pth`` takes a
framework, PyTorch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from backends import get_backend
from osr_core.analysis import analyse
from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, SpecError
from osr_core.files import read_bounded
from osr_core.json_text import parse_json
from osr_core.reference import forward
from osr_core.registry import check_hash, find_weights, registry
from osr_core.spec import SPEC_LENGTH, ModelSpec
from osr_core.training.vgg import is_vgg
from weights import formats
from weights.content import PathLike, naming
from weights.naming import canonical, infer_spec

TOLERANCE = 1e-5
"""Largest difference between outputs, for images in [0, 1], that a verification accepts."""


@dataclass(frozen=True)
class Conversion:
    """What was converted, and what a verification found."""

    checkpoint: Checkpoint
    key: str
    """The key of the source that the weights were under; empty for a plain state dict."""
    others: tuple[str, ...]
    """Other keys of the source that hold weights."""
    identical: bool = True
    """Whether the weights of both files are bit-identical."""
    differences: Mapping[str, float] = field(default_factory=dict)
    """``numpy`` or a backend → largest difference of the outputs from the source's,
    over a test image in [0, 1]."""

    @property
    def passed(self) -> bool:
        """Whether the verification, if there was one, found nothing but rounding."""
        return self.identical and all(d <= TOLERANCE for d in self.differences.values())


def convert(
    source: PathLike,
    target: PathLike,
    *,
    spec: ModelSpec | PathLike | None = None,
    key: str | None = None,
    verify: bool = False,
) -> Conversion:
    """Write the weights of one file into another, whose format its suffix names.

    Args:
        source: a registered name, a run folder, or a weight file of this package, of the authors'
            baseline or of GridDehazeNet, whose content decides on the format.
        target: the file to write; one that exists is replaced.
        spec: of the network, where neither the file nor its tensors determine it; see
            :func:`find_spec`.
        key: where in the file the weights are, e.g. ``params``; see :func:`weights.content.select`.
        verify: read the target back and compare the outputs of both networks.

    Raises:
        CheckpointError: if a file cannot be read or written, or does not match its spec.
        SpecError: if there is no spec where one is needed.
        BackendError: if the format needs a framework that is not installed.
    """
    done = _load(find_source(source, target), spec, key)
    save(done.checkpoint, target)
    if not verify:
        return done
    identical, differences = compare(done.checkpoint, load(target))
    return replace(done, identical=identical, differences=differences)


def find_source(source: PathLike, target: PathLike) -> Path:
    """The file to convert, once it is known that the target is another and can be written."""
    check_hash(source)
    model = source in registry() or os.path.isdir(source)
    path = find_weights(source) if model else Path(source)
    formats.target_format(target)
    if path.resolve() == Path(target).resolve():
        raise CheckpointError(f"{target}: is the source itself; choose another name")
    return path


def load(
    source: PathLike, spec: ModelSpec | PathLike | None = None, key: str | None = None
) -> Checkpoint:
    """What a weight file of any format holds; arguments and errors as of :func:`convert`."""
    return _load(source, spec, key).checkpoint


def save(checkpoint: Checkpoint, target: PathLike) -> None:
    """Write a checkpoint in the format of the target's suffix."""
    formats.write(target, *checkpoint.content())


def find_spec(source: ModelSpec | PathLike) -> ModelSpec:
    """A spec, or the one of a JSON file, of a weight file that carries one, or of a model.

    Raises:
        SpecError: if it is none of these.
    """
    if isinstance(source, ModelSpec):
        return source
    if source in registry():
        return Checkpoint.load(source).spec
    if not os.path.isfile(source):
        raise SpecError(f"{source}: no such file or model to take the spec from")
    try:
        if Path(source).suffix == ".json":
            data = parse_json(read_bounded(source), SPEC_LENGTH)
        else:
            data = parse_json(formats.read(source).metadata.get("spec", "null"), SPEC_LENGTH)
        return ModelSpec.from_dict(data.get("spec", data) if isinstance(data, dict) else data)
    except OSError as error:
        raise SpecError(f"{source}: cannot be read: {error.strerror}") from None
    except (ValueError, SpecError) as error:
        raise SpecError(f"{source}: holds no spec: {error}") from None


def compare(first: Checkpoint, second: Checkpoint) -> tuple[bool, dict[str, float]]:
    """Whether the weights of two networks are bit-identical, and how far their outputs differ.

    Outputs are those of the second in NumPy and in every installed backend; the reference is the
    NumPy forward pass of the first in float64.
    """
    identical = list(first.state) == list(second.state) and all(
        np.array_equal(array, second.state[name]) for name, array in first.state.items()
    )
    side = 4 * analyse(first.spec).total_stride
    image = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    expected = forward(first.spec, first.state, image.astype(np.float64))
    outputs = {"numpy": forward(second.spec, second.state, image)}
    for name in filter(is_installed, BACKENDS):
        network = get_backend(name).build(second.spec, state=second.state)
        outputs[name] = network.predict(image)
    return identical, {name: float(np.abs(y - expected).max()) for name, y in outputs.items()}


def _load(source: PathLike, spec: ModelSpec | PathLike | None, key: str | None) -> Conversion:
    content = formats.read(source, key)
    metadata = {"provenance": json.dumps({"converted_from": Path(source).name}), **content.metadata}
    state = canonical(content.tensors)
    given = None if spec is None else find_spec(spec)
    with naming(source):
        if given is not None or "spec" not in metadata:
            if is_vgg(state):
                raise CheckpointError(
                    "is a VGG16 file; it can only be used for loss.perceptual (osr convert --vgg)"
                )
            metadata["spec"] = (given or infer_spec(state)).to_json()
        return Conversion(Checkpoint.parse(state, metadata), content.key, content.others)
