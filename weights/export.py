"""Networks as files that other programs run without this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from backends import get_backend
from osr_core.analysis import analyse
from osr_core.backend import require_backend
from osr_core.checkpoint import Checkpoint
from osr_core.context import INPUTS, context_of
from osr_core.errors import BackendError, OptionError
from osr_core.files import atomic_write
from osr_core.reference import forward
from osr_core.registry import registry
from osr_core.reprogramming import check_backbone
from weights.content import PathLike, naming
from weights.convert import TOLERANCE
from weights.external import find_backbone


@dataclass(frozen=True)
class Format:
    """A format to export to."""

    suffix: str
    backend: str
    """The one that it needs."""
    module: str
    """Writes it by ``export`` and runs it for the check by ``run``."""
    image: str = "image"
    """Name of the first input."""
    any_size: bool = False
    """Whether H and W may be other than multiples of the total stride."""


FORMATS: Mapping[str, Format] = {
    "onnx": Format(".onnx", "onnx", "backends.onnx.export"),
    "torch": Format(".pt2", "torch", "backends.torch.export"),
    "mindir": Format(".mindir", "mindspore", "backends.mindspore.export"),
    "darktable": Format(".dtmodel", "onnx", "weights.darktable", "input", any_size=True),
}
"""Every format by name."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    output: str
    format: str
    inputs: tuple[str, ...]
    """``image`` (``input`` for darktable), ``(N, 3, H, W)`` in [0, 1]; of a network that
    takes the context of the whole image also ``thumbnail`` (of 3 channels) or ``context`` (of 6),
    :func:`osr_core.context.context_of`."""
    total_stride: int
    """H and W must be multiples of it; 1 for darktable, where the graph pads."""
    difference: float
    """Largest, of the outputs of the file from those of the NumPy reference."""


def export(model: PathLike, output: PathLike | None = None, *, to: str | None = None) -> Exported:
    """Write a model as an ONNX graph, a program of ``torch.export``, a MindIR graph or a package
    for darktable (:mod:`weights.darktable`).

    Batch, height and width stay free. The file is run before it takes its place, on images of two
    shapes, and must agree with the NumPy reference; where the backbone is in a file of another
    program, with the network in PyTorch. It carries the spec, the model's name, SHA-256 and
    licence, the total stride and the halo, all as texts: in ONNX's ``metadata_props``, in extra
    files of ``torch.export``, in MindIR's ``user_info``.

    Args:
        model: a registered name, a ``.safetensors`` file or a run folder.
        output: the file; by default the model's name in the working directory.
        to: one of :data:`FORMATS`; by default that of the suffix of ``output``, else ``onnx``.

    Raises:
        OptionError: if there is no such format, or the suffix is that of another.
        ModelError: if there is no such model, its backbone is external, or it looks at the whole
            image, which darktable does not show.
        CheckpointError: if its file cannot be read, or ``output`` cannot be written.
        BackendError: if the format needs a backend that is not installed, or the file computes
            something else than the reference.
    """
    name = _format(output, to)
    chosen = FORMATS[name]
    stem = str(model) if str(model) in registry() else Path(model).stem
    path = Path(output or f"{stem}{chosen.suffix}")
    require_backend(chosen.backend)
    module = import_module(chosen.module)
    checkpoint = Checkpoint.load(model)
    backbone = find_backbone(checkpoint.spec, chosen.backend, checkpoint.folder)
    check_backbone(checkpoint.spec, backbone)
    external = {} if backbone is None else {"backbone": backbone}
    with naming(path, "written"), atomic_write(path) as temporary:
        module.export(checkpoint, temporary, _metadata(stem, checkpoint), **external)
        difference = _difference(module, temporary, checkpoint, backbone)
        if not difference <= TOLERANCE:
            raise BackendError(
                f"{path}: not written: its outputs differ from the reference by {difference:.1e}"
            )
    known = analyse(checkpoint.spec)
    context = INPUTS.get(known.context_channels)
    inputs = (chosen.image, context) if context else (chosen.image,)
    stride = 1 if chosen.any_size else known.total_stride
    return Exported(str(path), name, inputs, stride, difference)


def _format(output: PathLike | None, to: str | None) -> str:
    if to is not None and to not in FORMATS:
        raise OptionError(f"format {to!r}: expected one of {', '.join(FORMATS)}")
    if output is None:
        return to or "onnx"
    suffix = Path(output).suffix.lower()
    name = next((name for name, each in FORMATS.items() if each.suffix == suffix), None)
    if name is None or to not in (None, name):
        expected = FORMATS[to].suffix if to else ", ".join(f.suffix for f in FORMATS.values())
        raise OptionError(f"{output}: expected a name that ends in {expected}")
    return name


def _metadata(name: str, checkpoint: Checkpoint) -> dict[str, str]:
    entry, known = registry().get(name), analyse(checkpoint.spec)
    return {
        "format": "osr",
        "name": name,
        "sha256": checkpoint.sha256,
        "licence": entry.licence if entry else "unknown",
        "spec": checkpoint.spec.to_json(),
        "total_stride": str(known.total_stride),
        "halo": str(known.halo),
    }


def _difference(module: Any, path: Path, checkpoint: Checkpoint, backbone: Any) -> float:
    """The largest over images of two shapes; NaN if any output is."""
    known, spec, state = analyse(checkpoint.spec), checkpoint.spec, checkpoint.state
    channels = known.context_channels
    rng = np.random.default_rng(0)
    largest = []
    for count, rows, columns in ((1, 2, 3), (2, 3, 2)):
        sides = (max(8, each * known.total_stride, known.minimum) for each in (rows, columns))
        images = rng.random((count, 3, *sides), np.float32)
        context = context_of(images, channels) if channels else None
        if backbone is None:
            expected = forward(spec, state, images.astype(np.float64))
        else:  # described nowhere else
            network = get_backend("torch").build(spec, state=state, backbone=backbone)
            expected = network.predict(images)
        largest.append(np.abs(module.run(path, images, context) - expected).max())
    return float(np.max(largest))
