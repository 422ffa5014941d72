"""The rows of the matrix: networks, classical baselines, and the untouched input."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.columns import Column
from osr.evaluation.records import ModelEntry
from osr.evaluation.seen import seen_degradation
from osr_core.analysis import analyse
from osr_core.backend import Network
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError
from osr_core.registry import find_weights
from osr_core.restoration import restore

Image = NDArray[np.float32]

RESERVED = ("input", "truth")
"""Names of pictures beside those of the models."""


@dataclass(frozen=True)
class Candidate:
    """A row of the matrix, and how it restores an image."""

    entry: ModelEntry
    run: Callable[[Image], Image] | None = None
    """(H, W, 3) degraded → restored; ``None`` leaves the image as it is."""

    @property
    def name(self) -> str:
        """Of the row."""
        return self.entry.name

    def fits(self, column: Column) -> bool:
        """Whether the row has a cell there: baselines only where they are meant for."""
        return self.entry.kind != "baseline" or column.kind in self.entry.seen


UNTOUCHED = Candidate(ModelEntry("untouched", "Untouched input", "untouched"))
"""What every other row is measured against."""


def split_label(model: str) -> tuple[str, str]:
    """Label and model of ``LABEL=MODEL``, or of a model alone, whose own name is its label.

    Labels are safe as names of files. A file named ``model.safetensors`` is called as its folder.

    >>> split_label("runs/plain/model.safetensors")
    ('plain', 'runs/plain/model.safetensors')
    >>> split_label("mine=a.safetensors")
    ('mine', 'a.safetensors')
    """
    label, equals, name = model.partition("=")
    if not equals or os.path.exists(model):
        path = Path(model)
        folder = path.resolve().parent.name
        label, name = folder if path.stem == "model" and folder else path.stem, model
    return safe_name(label), name


def safe_name(name: str) -> str:
    """A name that may be that of a file anywhere.

    >>> safe_name("cbsd68 noise:25")
    'cbsd68-noise-25'
    """
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "unnamed"


def network_candidate(
    model: str, load: Callable[[str], Network], tile: int | None = None
) -> Candidate:
    """The row of a registered model or weight file, maybe with a label before it.

    Args:
        model: see :func:`split_label`.
        load: gives the network of a model, for instance ``backends.load``.
        tile: see :func:`osr_core.restore`.

    Raises:
        OptionError: if its label is that of something else.
        ModelError: if there is no such model.
        CheckpointError: if its file is degraded.
    """
    label, name = split_label(model)
    if label in RESERVED:
        raise OptionError(f"model {model}: label it otherwise than {label}, as in NEW={name}")
    path = find_weights(name)
    checkpoint = Checkpoint.load(path)
    spec, seen = checkpoint.spec, seen_degradation(checkpoint.recipe, checkpoint.provenance)
    entry = ModelEntry(
        label,
        f"{label} ({spec.kind} {spec.backbone.kind})",
        "network",
        analyse(spec).parameter_count,
        seen.kinds,
        seen.unknown,
        dict(checkpoint.provenance),
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    network = load(name)
    return Candidate(entry, lambda image: restore(image, network, tile))


def baseline_candidates() -> tuple[Candidate, ...]:
    """The rows of :mod:`osr.evaluation.baselines`, which are not told what was done to an image."""
    from osr.evaluation.baselines import BASELINES

    return tuple(
        Candidate(
            ModelEntry(safe_name(name), baseline.title, "baseline", seen=sorted(baseline.kinds)),
            baseline.restore,
        )
        for name, baseline in BASELINES.items()
    )
