"""Weight files of one format into another: ``.safetensors``, ``.pth``/``.pt``, ``.ckpt``.

safetensors is the pivot: only it carries the spec. The two others hold tensors alone, by the
canonical names, which for a plain network are the public names of its backbone; what is known of
the network goes into a file beside them, ``NAME.ckpt.json``, and is found there on the way back.
``.ckpt`` ↔ ``.safetensors`` needs neither framework; ``.pth`` needs PyTorch.

VGG16, through which the perceptual loss looks, is no restoration network and has no spec. Its
files are told by their names, too: :func:`load_vgg` reads them and :func:`convert_vgg` writes the
part that is used, 7 MB of torchvision's 528.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from backends import get_backend
from osr_core.analysis import analyse
from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint, check_state, read_tensors
from osr_core.errors import CheckpointError, OSRError, SpecError
from osr_core.files import atomic_write
from osr_core.reference import forward
from osr_core.registry import registry
from osr_core.spec import ModelSpec
from osr_core.training.vgg import METADATA, is_vgg, vgg_state
from weights import ckpt, pth
from weights.naming import canonical, infer_spec

PathLike = str | os.PathLike[str]

TOLERANCE = 1e-5
"""Largest difference of outputs, for images in [0, 1], that :func:`verify` lets pass."""

_FOREIGN = {".ckpt": ckpt, ".pth": pth, ".pt": pth}

SUFFIXES = (".safetensors", *_FOREIGN)
"""Formats that can be read and written."""


def convert(source: PathLike, target: PathLike, spec: ModelSpec | None = None) -> Checkpoint:
    """Write the weights of one file into another, whose format its suffix names.

    Args:
        source: a weight file of this package, of the authors' baseline or of GridDehazeNet.
        target: the file to write; one that exists is replaced.
        spec: what the network is, where neither the file nor its names tell.

    Returns:
        What was written.

    Raises:
        CheckpointError: if a file cannot be read or written, or does not match its spec.
        BackendError: if the format needs a framework that is absent.
    """
    _check_target(source, target)
    checkpoint = load(source, spec)
    save(checkpoint, target)
    return checkpoint


def load(source: PathLike, spec: ModelSpec | None = None) -> Checkpoint:
    """What a weight file of any format holds; arguments and errors as :func:`convert`."""
    tensors, known = _read(source)
    try:
        state = _floats(canonical(tensors))
        if spec is None and is_vgg(state):
            raise CheckpointError("holds VGG's features, which serve training (loss.perceptual)")
        if spec is None:
            spec = ModelSpec.from_json(known["spec"]) if "spec" in known else infer_spec(state)
        check_state(spec, state)
        extra = [json.loads(known.get(key, "{}")) for key in ("recipe", "provenance")]
    except (CheckpointError, SpecError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{source}: {error}") from None
    names = [parameter.name for parameter in analyse(spec).parameters]
    ordered = {name: state[name] for name in names}
    provenance = extra[1] or {"converted_from": Path(source).name}
    return Checkpoint(spec, ordered, extra[0], provenance)


def save(checkpoint: Checkpoint, target: PathLike) -> None:
    """Write a checkpoint in the format of the target's suffix."""
    suffix = _suffix(target)
    if suffix == ".safetensors":
        checkpoint.save(target)
        return
    _FOREIGN[suffix].write(target, checkpoint.state)
    known = {
        "spec": checkpoint.spec.to_dict(),
        "recipe": dict(checkpoint.recipe),
        "provenance": dict(checkpoint.provenance),
    }
    with atomic_write(_sidecar(target)) as temporary:
        temporary.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def load_vgg(source: PathLike) -> dict[str, NDArray[np.float32]]:
    """VGG16's weights up to relu3_3, for the perceptual loss, from a file of any format.

    Args:
        source: torchvision's ``vgg16-397923af.pth``, or what :func:`convert_vgg` made of it.

    Returns:
        Arrays by torchvision's name, as :func:`osr_core.training.vgg.vgg_state` picks them.

    Raises:
        CheckpointError: if the file cannot be read or does not hold VGG16.
        BackendError: if the format needs a framework that is absent.
    """
    tensors = canonical(_read(source)[0])
    try:
        return vgg_state(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from None


def convert_vgg(source: PathLike, target: PathLike) -> bool:
    """Write VGG16's weights up to relu3_3 into another file, if the source holds a VGG network.

    What was written is read back and compared to the bit before it takes its place.

    Returns:
        Whether it does; if not, nothing was written and :func:`convert` is the one to ask.

    Raises:
        CheckpointError: if a file cannot be read or written, or the network is another VGG.
        BackendError: if the format needs a framework that is absent.
    """
    suffix = _check_target(source, target)
    tensors = canonical(_read(source)[0])
    if not is_vgg(tensors):
        return False
    try:
        state = vgg_state(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from None
    try:
        with atomic_write(target) as temporary:
            if suffix == ".safetensors":
                provenance = json.dumps({"converted_from": Path(source).name})
                save_file(state, temporary, {**METADATA, "provenance": provenance})
            else:
                _FOREIGN[suffix].write(temporary, state)
            back = load_vgg(temporary)
            if any(not np.array_equal(back[name], state[name]) for name in state):
                raise CheckpointError(f"{target}: was not written as it should be; try again")
    except OSError as error:
        raise CheckpointError(f"{target}: cannot be written: {error.strerror}") from None
    return True


def find_spec(name: str) -> ModelSpec:
    """The spec that ``--spec`` names: a JSON file, a weight file that carries one, or a model.

    Raises:
        SpecError: if it is none of these.
    """
    if name in registry():
        return ModelSpec.from_dict(registry()[name].spec)
    try:
        if Path(name).suffix == ".safetensors":
            return Checkpoint.load(name).spec
        data = json.loads(Path(name).read_text("utf-8"))
        return ModelSpec.from_dict(data.get("spec", data) if isinstance(data, dict) else data)
    except OSError as error:
        raise SpecError(f"{name}: spec cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SpecError(f"{name}: spec is not JSON: {error}") from None
    except OSRError as error:
        raise SpecError(f"{name}: {error}") from None


@dataclass(frozen=True)
class Comparison:
    """How far an output of the converted file lies from the source's."""

    engine: str
    """``numpy``, ``torch`` or ``mindspore``."""
    difference: float
    """Largest absolute difference over a test image in [0, 1]."""
    bits_equal: bool
    """Whether all weights are the same to the bit."""

    @property
    def passed(self) -> bool:
        """Whether the difference is rounding."""
        return self.difference <= TOLERANCE


def verify(source: PathLike, target: PathLike, spec: ModelSpec | None = None) -> list[Comparison]:
    """Load both files and compare what they compute, in NumPy and in every installed backend.

    The judge is the NumPy forward pass of the source's weights in float64.
    """
    first, second = load(source, spec), load(target, spec)
    equal = all(np.array_equal(first.state[n], second.state[n]) for n in first.state)
    side = 4 * analyse(first.spec).total_stride
    image = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    judge = forward(first.spec, first.state, image.astype(np.float64))
    outputs = {"numpy": forward(second.spec, second.state, image)}
    for name in filter(is_installed, BACKENDS):
        network = get_backend(name).build(second.spec)
        network.load_state(second.state)
        outputs[name] = network.predict(image)
    return [
        Comparison(engine, float(np.abs(output - judge).max()), equal)
        for engine, output in outputs.items()
    ]


def _suffix(path: PathLike) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise CheckpointError(f"{path}: unknown format; use one of {', '.join(SUFFIXES)}")
    return suffix


def _check_target(source: PathLike, target: PathLike) -> str:
    """The target's format, looked at before any work is done."""
    suffix = _suffix(target)
    if Path(source).resolve() == Path(target).resolve():
        raise CheckpointError(f"{target}: is the source itself; give another name")
    return suffix


def _read(source: PathLike) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """All tensors of a file, and what is known of them."""
    suffix = _suffix(source)
    if not Path(source).is_file():
        raise CheckpointError(f"{source}: no such file")
    if suffix == ".safetensors":
        return read_tensors(source)
    return _FOREIGN[suffix].read(source), _read_sidecar(source)


def _floats(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    for name, array in tensors.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise CheckpointError(f"{name}: type {array.dtype}, expected a floating type")
    return {name: array.astype(np.float32, copy=False) for name, array in tensors.items()}


def _sidecar(path: PathLike) -> Path:
    return Path(f"{os.fspath(path)}.json")


def _read_sidecar(path: PathLike) -> dict[str, str]:
    sidecar = _sidecar(path)
    if not sidecar.is_file():
        return {}
    try:
        return {key: json.dumps(value) for key, value in json.loads(sidecar.read_text()).items()}
    except (ValueError, AttributeError):
        raise CheckpointError(f"{sidecar}: not the JSON object that belongs to {path}") from None
