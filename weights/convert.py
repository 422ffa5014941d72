"""Weight files of one format into another: ``.safetensors``, ``.pth``/``.pt``, ``.ckpt``.

All three carry the spec, the recipe and the provenance beside the tensors, which have canonical
names: for a plain network the public names of its backbone. ``.ckpt`` ↔ ``.safetensors`` needs
neither framework; ``.pth`` needs PyTorch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np

from osr_core.analysis import analyse
from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, SpecError
from osr_core.reference import forward
from osr_core.registry import find_weights, registry
from osr_core.spec import ModelSpec
from osr_core.training.vgg import is_vgg
from weights import formats
from weights.content import PathLike
from weights.naming import canonical, infer_spec

TOLERANCE = 1e-5
"""Largest difference between outputs, for images in [0, 1], that a verification accepts."""


@dataclass(frozen=True)
class Comparison:
    """The output of the converted file compared with that of the source."""

    engine: str
    """``numpy``, ``torch`` or ``mindspore``."""
    difference: float
    """Largest absolute difference over a test image in [0, 1]."""
    bits_equal: bool
    """Whether all weights are bit-identical."""

    @property
    def passed(self) -> bool:
        """Whether the difference is rounding."""
        return self.difference <= TOLERANCE


@dataclass(frozen=True)
class Conversion:
    """What was converted."""

    checkpoint: Checkpoint
    key: str
    """The key of the source that the weights were under; empty for a plain state dict."""
    others: tuple[str, ...]
    """Other keys of the source that hold weights."""
    comparisons: tuple[Comparison, ...] = ()
    """Of the verification, if there was one."""

    @property
    def passed(self) -> bool:
        """Whether the verification found nothing but rounding."""
        return all(each.passed and each.bits_equal for each in self.comparisons)


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
        source: a registered name, the folder of a training run, or a weight file of this package,
            of the authors' baseline or of GridDehazeNet. Its content decides on the format; it
            needs no suffix.
        target: the file to write; one that exists is replaced.
        spec: what the network is, where neither the file nor its tensors determine it; also as
            :func:`find_spec` takes it.
        key: where in the file the weights are, e.g. ``params``. By default moving averages are
            preferred; see :func:`weights.content.select`.
        verify: read the target back and compare the outputs of both networks.

    Raises:
        CheckpointError: if a file cannot be read or written, or does not match its spec.
        SpecError: if there is no spec where one is needed.
        BackendError: if the format needs a framework that is not installed.
    """
    done = _load(find_source(source, target), spec, key)
    save(done.checkpoint, target)
    return replace(done, comparisons=compare(done.checkpoint, load(target))) if verify else done


def find_source(source: PathLike, target: PathLike) -> Path:
    """The file to convert, once it is known that the target is another and can be written."""
    model = source in registry() or Path(source).is_dir()
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
    if not Path(source).is_file():
        raise SpecError(f"{source}: no such file or model to take the spec from")
    try:
        if Path(source).suffix == ".json":
            data = json.loads(Path(source).read_text("utf-8"))
        else:
            data = json.loads(formats.read(source).metadata.get("spec", "null"))
        return ModelSpec.from_dict(data.get("spec", data) if isinstance(data, dict) else data)
    except (OSError, ValueError, SpecError) as error:
        raise SpecError(f"{source}: holds no spec: {error}") from None


def compare(first: Checkpoint, second: Checkpoint) -> tuple[Comparison, ...]:
    """Compare what two networks compute, in NumPy and in every installed backend.

    The reference is the NumPy forward pass of the first in float64.
    """
    equal = list(first.state) == list(second.state) and all(
        np.array_equal(array, second.state[name]) for name, array in first.state.items()
    )
    side = 4 * analyse(first.spec).total_stride
    image = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    expected = forward(first.spec, first.state, image.astype(np.float64))
    outputs = {"numpy": forward(second.spec, second.state, image)}
    for name in filter(is_installed, BACKENDS):
        network = import_module(f"backends.{name}").build(second.spec, state=second.state)
        outputs[name] = network.predict(image)
    return tuple(
        Comparison(engine, float(np.abs(output - expected).max()), equal)
        for engine, output in outputs.items()
    )


def _load(source: PathLike, spec: ModelSpec | PathLike | None, key: str | None) -> Conversion:
    content = formats.read(source, key)
    metadata = {"provenance": json.dumps({"converted_from": Path(source).name}), **content.metadata}
    state = canonical(content.tensors)
    given = None if spec is None else find_spec(spec)
    try:
        if given is not None or "spec" not in metadata:
            if is_vgg(state):
                raise CheckpointError(
                    "is a VGG16 file; it can only be used for loss.perceptual (osr convert --vgg)"
                )
            metadata["spec"] = (given or infer_spec(state)).to_json()
        return Conversion(Checkpoint.parse(state, metadata), content.key, content.others)
    except (CheckpointError, SpecError) as error:
        raise type(error)(f"{source}: {error}") from None
