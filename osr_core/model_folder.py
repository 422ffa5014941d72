"""Folders of models as Hugging Face's libraries keep them; nothing is downloaded or uploaded.

====================  ==========================================================================
``config.json``         the specification, and what was measured of the network
``model.safetensors``   a checkpoint (:mod:`osr_core.checkpoint`)
``README.md``           the model card: YAML metadata of the hub, then text
====================  ==========================================================================
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from osr_core import __version__
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.errors import CheckpointError, ModelError, SpecError
from osr_core.files import atomic_write, read_bounded
from osr_core.json_text import parse_json
from osr_core.registry import registry
from osr_core.spec import SPEC_LENGTH, ModelSpec
from osr_core.tensor_file import read_file

PathLike = str | os.PathLike[str]

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"

_KIND = "osr"
"""``model_type`` of the configuration, ``library_name`` of the card."""


def save_pretrained(model: PathLike | Checkpoint, folder: PathLike, *, licence: str = "") -> None:
    """Write a model into a folder, created if missing.

    Args:
        model: a registered name, a ``.safetensors`` file, a run folder, or a checkpoint.
        folder: an existing ``README.md`` in it stays as it is.
        licence: identifier for the card, for instance ``cc-by-4.0``; that of a registered model is
            known.

    Raises:
        ModelError: if there is no such model.
        CheckpointError: if it cannot be read, or the folder cannot be written.
    """
    checkpoint = model if isinstance(model, Checkpoint) else Checkpoint.load(model)
    known = isinstance(model, str) and model in registry()
    target = Path(folder)
    settings = {
        "model_type": _KIND,
        "osr_version": __version__,
        "spec": checkpoint.spec.to_dict(),
        "measured": dict(checkpoint.measured),
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        checkpoint.save(target / WEIGHTS)
        _write(target / CONFIG, json.dumps(settings, indent=2) + "\n")
        if not (target / CARD).exists():
            text = _published(str(model)) if known else _plain(target.resolve().name, checkpoint)
            licence = licence or (registry()[str(model)].licence if known else "")
            _write(target / CARD, _metadata(licence) + text)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be written: {error.strerror}") from None


def load_pretrained(folder: PathLike) -> Checkpoint:
    """The model of a folder; its weights may be any safetensors file with the tensors of the spec.

    Raises:
        ModelError: if there is no such folder. Nothing is downloaded.
        CheckpointError: if a file cannot be read, or they belong to different networks.
    """
    source = Path(folder)
    if not source.is_dir():
        raise ModelError(
            f"{folder}: no such folder; nothing is downloaded: fetch the model first, for instance "
            "by 'hf download REPOSITORY --local-dir FOLDER'"
        )
    spec = _spec(source / CONFIG)
    tensors, metadata, sha256 = read_file(source / WEIGHTS)
    try:
        found = Checkpoint.parse(tensors, {"spec": spec.to_json(), **metadata})
    except (SpecError, CheckpointError) as error:
        raise CheckpointError(f"{source / WEIGHTS}: {error}") from None
    if found.spec != spec:
        raise CheckpointError(f"{source}: {CONFIG} describes another network than {WEIGHTS} holds")
    return Checkpoint(
        spec, found.state, found.recipe, found.provenance, found.measured, sha256, source
    )


def _spec(path: Path) -> ModelSpec:
    try:
        settings = parse_json(read_bounded(path), 2 * SPEC_LENGTH)
        return ModelSpec.from_dict(settings["spec"])
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{path}: no configuration of a model of OSR") from None
    except SpecError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, "utf-8")


def _metadata(licence: str) -> str:
    """The YAML at the head of a card; JSON texts are YAML as well."""
    fields: dict[str, Any] = {"license": licence.lower()} if licence else {}
    fields |= {"library_name": _KIND, "pipeline_tag": "image-to-image"}
    fields["tags"] = ["image-restoration", "out-of-sample-restoration"]
    lines = (f"{key}: {json.dumps(value)}" for key, value in fields.items())
    return "\n".join(("---", *lines, "---", "", ""))


def _published(name: str) -> str:
    """The card of a registered model, without pictures and links into the repository."""
    text = registry()[name].path.with_suffix(".md").read_text("utf-8")
    text = re.sub(r"^!\[.*\n(\*.*\*\n)?\n?", "", text, flags=re.MULTILINE)
    return re.sub(r"\[([^]]+)\]\((?!https:)[^)]*\)", r"\1", text)


def _plain(name: str, checkpoint: Checkpoint) -> str:
    spec, known = checkpoint.spec, analyse(checkpoint.spec)
    return (
        f"# {name}\n\n"
        f"A network of OSR (Out-of-Sample Restoration): {spec.kind} {spec.backbone.kind}, "
        f"{known.parameter_count:,} parameters.\n\n"
        "    import backends\n\n"
        f'    network = backends.load("{name}/{WEIGHTS}")\n\n'
        "State here what it was trained on, its limits, and the licence.\n"
    )
