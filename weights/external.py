"""Backbones in weight files of other programs: the restoration networks that spandrel recognises.

A specification names such a file as ``spandrel:FILE`` with its SHA-256. The file is read by our own
readers, which run nothing in it; spandrel is given the tensors alone, and tells the architecture
and what it requires of the size of an image.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from osr_core.backend import Network
from osr_core.checkpoint import Checkpoint
from osr_core.errors import BackendError, ModelError, PackageError, printable
from osr_core.files import open_regular
from osr_core.spec import IMAGE_CHANNELS, External, ModelSpec
from weights import formats
from weights.content import PathLike, naming

PREFIX = "spandrel:"


def load_network(
    model: PathLike | Checkpoint,
    backend: str | None = None,
    device: str = "auto",
    precision: str = "float32",
) -> Network:
    """As ``backends.load``, which it calls, also for a model whose backbone is in another file.

    That file is looked for where the training found it, then beside the model.

    Args:
        model: a registered name, a ``.safetensors`` file, a run folder, or a checkpoint.
        backend: ``torch``, ``mindspore`` or ``onnx``; see :func:`backends.get_backend`.
        device: see :func:`backends.torch.networks.load`.
        precision: of convolutions, likewise.

    Raises:
        OSRError: as ``backends.load``; also if that file is missing or has changed, or is of
            PyTorch and the backend another.
    """
    from backends import get_backend

    chosen = get_backend(backend)
    checkpoint = model if isinstance(model, Checkpoint) else Checkpoint.load(model)
    backbone = find_backbone(checkpoint.spec, chosen.name, checkpoint.folder)
    network: Network = chosen.load(checkpoint, device, precision, backbone=backbone)
    return network


def find_backbone(spec: ModelSpec, backend: str, folder: Path | None = None) -> Any:
    """The module of a specification whose backbone is in a file; None for any other.

    Args:
        spec: of the whole network.
        backend: name of the one that is to run it.
        folder: where else the file may be.

    Raises:
        BackendError: if the backend does not run it.
        ModelError: if the file is missing, another one than it was, or not what spandrel knows.
        PackageError: if spandrel is not installed.
    """
    external = spec.backbone
    if not isinstance(external, External) or not external.source:
        return None
    if backend != "torch":
        raise BackendError(
            f"backend {backend}: the model reprograms {external.source}, which PyTorch alone runs; "
            "choose the backend torch (osr export: --to torch)"
        )
    given = Path(external.source.removeprefix(PREFIX))
    places = [given] if folder is None else [given, folder / given.name]
    path = next((place for place in places if os.path.isfile(place)), None)
    if path is None:
        shown, name = printable(given, 300), printable(given.name, 100)
        raise ModelError(
            f"the model reprograms {shown}, which is not there; put {name} beside the model"
        )
    if _sha256(path) != external.sha256:
        raise ModelError(f"{path}: another file than the one that the model reprograms")
    return _module(_descriptor(path))


def with_file(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of a specification, whose backbone may be ``spandrel:FILE``, or a table with such a
    ``source``; it becomes a whole table of an external backbone.

    What a table says itself stays, for instance ``halo``, which spandrel does not know. Any other
    specification is returned as it is.

    Raises:
        ModelError: if the file cannot be used as a backbone.
        PackageError: if spandrel is not installed.
    """
    given = spec.get("backbone")
    table: Any = {"source": given} if isinstance(given, str) else given
    source = table.get("source") if isinstance(table, Mapping) else None
    if not isinstance(source, str) or not source.startswith(PREFIX) or "sha256" in table:
        return spec
    path = Path(source.removeprefix(PREFIX))
    known = _descriptor(path)
    size, scale = known.size_requirements, known.scale
    external = External(
        name=str(known.architecture.id),
        total_stride=scale * size.multiple_of,
        minimum=max(1, scale * size.minimum),
        scale=scale,
        source=source,
        sha256=_sha256(path),
    )
    return {**spec, "backbone": {"kind": External.kind, **asdict(external), **table}}


def _descriptor(path: Path) -> Any:
    """What spandrel makes of a file: a network from RGB to RGB, of any shape of image."""
    tensors = formats.read(path).tensors
    spandrel = import_spandrel()
    import torch

    state = {name: torch.from_numpy(array) for name, array in tensors.items()}
    try:
        known = spandrel.ModelLoader().load_from_state_dict(spandrel.canonicalize_state_dict(state))
    except spandrel.UnsupportedModelError:
        raise ModelError(f"{path}: not an architecture that spandrel knows") from None
    except Exception as error:  # of tensors that do not fit the architecture they resemble
        cause = str(error).partition("\n")[0]
        raise ModelError(f"{path}: spandrel cannot load it: {cause}") from None
    channels = known.input_channels, known.output_channels
    plain = isinstance(known, spandrel.ImageModelDescriptor) and not known.size_requirements.square
    if not plain or channels != (IMAGE_CHANNELS, IMAGE_CHANNELS):
        raise ModelError(
            f"{path}: {known.architecture.name} is no network from RGB images of any shape to RGB"
        )
    return known


def _module(known: Any) -> Any:
    """The network as a module, with gradients and not clipped."""
    import torch
    from torch import Tensor, nn

    class OneByOne(nn.Module):
        """Calls a network as spandrel does, which promises that for single images only."""

        def __init__(self) -> None:
            super().__init__()
            self.network = known.model

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([known._call_fn(self.network, image[None]) for image in x])

    known.model.float()
    default = known._call_fn.__qualname__.startswith("ImageModelDescriptor.")  # model(image)
    return known.model if default else OneByOne()


def import_spandrel() -> ModuleType:
    """The package, also where torchvision, which it imports, was built for another PyTorch.

    Raises:
        PackageError: if it is not installed.
    """
    if find_spec("spandrel") is None or find_spec("torch") is None:
        raise PackageError("spandrel: not installed; pip install 'osr[spandrel]'")
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError):  # built for another PyTorch, CUDA's for instance
        return _spandrel_without_torchvision()
    import spandrel

    return spandrel  # type: ignore[no-any-return]


def _spandrel_without_torchvision() -> ModuleType:
    """spandrel, which needs torchvision for two architectures alone, inpainting and faces, that are
    refused anyway."""
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    for name in names:
        sys.modules[name] = ModuleType(name)
    for function in ("InterpolationMode", "rotate", "normalize"):
        setattr(sys.modules[names[-1]], function, None)
    try:
        import spandrel
    finally:
        for name in names:
            del sys.modules[name]
    return spandrel  # type: ignore[no-any-return]


def _sha256(path: Path) -> str:
    with naming(path), open_regular(path) as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
