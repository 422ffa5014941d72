"""Packages for darktable's AI denoise task.

A ``.dtmodel`` file is a zip archive with one folder ``ID/`` that holds ``config.json`` and
``model.onnx``: ``input`` → ``output``, float32 ``(1, 3, H, W)``, RGB in [0, 1]. darktable divides
an image into tiles by itself and shows the network one at a time.

Source: the model repository of darktable, github.com/darktable-org/darktable-ai.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core import __version__
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.errors import BackendError, ModelError
from osr_core.registry import registry
from weights.cards import cards, training_data

REQUIRED = ("id", "name", "description", "task", "backend", "version")
"""Fields of ``config.json`` that darktable's check asks for."""

OVERLAP = 64
"""Pixels by which darktable's tiles overlap when it denoises."""

_SOURCE = "Out-of-Sample Restoration, Jiang and Han, IEEE TIP 2024: independent implementation"
_PAPER = "https://arxiv.org/abs/2403.05886"
_UNKNOWN = "unknown; state it before you publish the package"


def export(checkpoint: Checkpoint, path: Path, metadata: Mapping[str, str]) -> None:
    """Write the package of a network, by the rules that :func:`check` verifies.

    Raises:
        ModelError: if the network needs more of the image than a tile, or a larger overlap.
    """
    from backends.onnx.any_size import any_size_graph

    name = metadata["name"]
    _require_tiles(name, checkpoint)
    settings = config(name, checkpoint)
    content = {
        "config.json": (json.dumps(settings, indent=2) + "\n").encode(),
        "model.onnx": any_size_graph(checkpoint.spec, checkpoint.state).SerializeToString(),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in content.items():
            place = zipfile.ZipInfo(f"{settings['id']}/{file}")  # of 1980: equal bytes each time
            place.compress_type, place.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(place, data)
    check(path)


def run(
    path: Path, images: NDArray[np.float32], context: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Read a package back and run it on the CPU, one image after the other; there is no context."""
    session = _session(_content(path)[1])
    results = [session.run(["output"], {"input": image[None]})[0] for image in images]
    return np.concatenate(results)


def config(name: str, checkpoint: Checkpoint) -> dict[str, Any]:
    """The content of ``config.json``; what is known of a published model comes from its card."""
    entry, card = registry().get(name), cards().get(name, {})
    about = entry.summary if entry else f"restoration by {name}"
    data = training_data(name)
    return {
        "id": _identifier(name),
        "name": name,
        "description": f"OSR: {about}",
        "task": "denoise",
        "backend": "onnx",
        "version": __version__,
        "type": "single",
        "arch": checkpoint.spec.backbone.kind,
        "tiling": True,
        "model_card": {
            "long_description": card.get("about", about),
            "scope": card.get("use", "image restoration"),
            "author": "OSR developers" if entry else _UNKNOWN,
            "source": _SOURCE,
            "paper": _PAPER,
            "license": entry.licence if entry else _UNKNOWN,
            "training_data": "; ".join(each.about for each in data) or _UNKNOWN,
            "training_data_license": "; ".join(each.licence for each in data) or _UNKNOWN,
            "notes": " ".join((_admission(name), *_seams(checkpoint), *card.get("limits", ()))),
        },
    }


def qualifies(name: str) -> bool:
    """Whether a published model may join darktable's own repository: licences of data and weights
    are compatible with GPL-3.0."""
    entry, data = registry().get(name), training_data(name)
    free = bool(data) and all(each.free for each in data)
    return free and entry is not None and "NC" not in entry.licence


def check(path: Path) -> None:
    """Raise :class:`BackendError` unless a package is as darktable's own check wants it."""
    settings, model = _content(path)
    missing = [field for field in REQUIRED if field not in settings]
    session = _session(model)
    ends = [*session.get_inputs(), *session.get_outputs()]
    names = [end.name for end in ends]
    fits = all(end.type == "tensor(float)" and end.shape[:2] == [1, 3] for end in ends)
    free = all(isinstance(side, str) for end in ends for side in end.shape[2:])
    if missing or names != ["input", "output"] or not fits or not free:
        raise BackendError(f"{path}: no package for darktable: {missing or names}")


def _content(path: Path) -> tuple[dict[str, Any], bytes]:
    with zipfile.ZipFile(path) as archive:
        folder = archive.namelist()[0].partition("/")[0]
        settings = json.loads(archive.read(f"{folder}/config.json"))
        return settings, archive.read(f"{folder}/model.onnx")


def _session(model: bytes) -> Any:
    from backends.onnx.device import select, session

    return session(model, select("cpu"))


def _require_tiles(name: str, checkpoint: Checkpoint) -> None:
    known = analyse(checkpoint.spec)
    why = "a thumbnail" if known.context_channels else "a mean" if known.global_statistics else None
    if why:
        raise ModelError(
            f"model {name}: needs {why} of the whole image, but darktable shows a network one tile "
            "at a time; use osr restore, or export a model without global context"
        )
    if checkpoint.overlap is not None and checkpoint.overlap > OVERLAP:
        raise ModelError(
            f"model {name}: needs tiles that overlap by {checkpoint.overlap} pixels, as measured, "
            f"but darktable's overlap by {OVERLAP}: seams would show; use osr restore"
        )


def _identifier(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "osr"


def _admission(name: str) -> str:
    if qualifies(name):
        return "Weights and training data are free."
    return (
        "Not for darktable's own repository of models: licence and training data are not known to "
        "be compatible with GPL-3.0."
    )


def _seams(checkpoint: Checkpoint) -> tuple[str, ...]:
    halo = analyse(checkpoint.spec).halo
    if checkpoint.overlap is not None or halo <= OVERLAP:
        return ()
    return (
        f"The overlap that tiles need was not measured: it is up to {halo} pixels, and darktable's "
        f"overlap by {OVERLAP}.",
    )
