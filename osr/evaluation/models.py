"""The rows of the matrix: the input itself, networks, zero-shot methods, classical baselines."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from osr.datasets import find
from osr.degradations import Chain
from osr.evaluation.baselines import BASELINES
from osr.evaluation.columns import Column
from osr.evaluation.zero_shot import PARAMETERS, ZERO_SHOT, require_torch
from osr_core.analysis import analyse
from osr_core.backend import Network
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError
from osr_core.restoration import restore

Image = NDArray[np.float32]

RESERVED = ("input", "truth")
"""Names of pictures beside those of the models."""

NO_RECIPE = "a training without a recipe"
"""Is among the unknown where a checkpoint does not say how it was trained."""


@dataclass(frozen=True)
class Model:
    """A row of the matrix; all but its function is saved in ``evaluation.json``."""

    name: str
    title: str
    kind: Literal["input", "network", "zero-shot", "baseline"]
    parameters: int | None = None
    seen: tuple[str, ...] = ()
    """Kinds of degradation it was trained on; without training, those it is meant for."""
    unknown: tuple[str, ...] = ()
    """Training data whose degradation is not known."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    """Of the weights, so that rows of other weights are never mixed in."""
    run: Callable[[Image], Image] | None = field(default=None, compare=False, repr=False)
    """(H, W, 3) degraded → restored; None for the input itself."""
    inspect: Callable[[Image, Path], None] | None = field(default=None, compare=False, repr=False)
    """Writes pictures of a wave and its gates into a folder, where the model has any."""

    def fits(self, column: Column) -> bool:
        """Whether it is evaluated there: a network everywhere, what was not trained only where
        part of the degradation is what it is meant for."""
        everywhere = self.kind in ("input", "network")
        return everywhere or not set(self.seen).isdisjoint(column.kind.split("+"))


INPUT = Model("input", "Input", "input")
"""The degraded image itself, the reference of every gain."""


def split_label(model: str) -> tuple[str, str]:
    """Label and model of ``LABEL=MODEL``, or of a model alone, whose own name is its label.

    Labels are safe as names of files. A file ``model.safetensors`` is labelled by its folder.

    >>> split_label("runs/plain/model.safetensors"), split_label("mine=a.safetensors")
    (('plain', 'runs/plain/model.safetensors'), ('mine', 'a.safetensors'))
    """
    label, equals, name = model.partition("=")
    if not equals or os.path.exists(model):
        path = Path(model)
        folder = path.resolve().parent.name
        label, name = folder if path.stem == "model" and folder else path.stem, model
    return safe_name(label), name


def safe_name(name: str) -> str:
    """A name that is valid for a file on every system.

    >>> safe_name("cbsd68 noise:25")
    'cbsd68-noise-25'
    """
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "unnamed"


def object_model(label: str, network: Network, tile: int | None = None) -> Model:
    """The row of a network that has no file, such as a reprogrammed module of the user's own."""
    arrays = network.state().values()
    return Model(
        _label(label, label),
        label,
        "network",
        sum(array.size for array in arrays),
        unknown=(NO_RECIPE,),
        sha256=hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(),
        run=lambda image: restore(image, network, tile),
    )


def network_model(
    model: str, load: Callable[[Checkpoint], Network], tile: int | None = None
) -> Model:
    """The row of a registered model, weight file or name in :data:`ZERO_SHOT`; ``load`` is that
    of a backend."""
    label, name = split_label(model)
    label = _label(label, name)
    if name in ZERO_SHOT:
        return _zero_shot_model(label, name)
    checkpoint = Checkpoint.load(name)
    spec, seen = checkpoint.spec, seen_degradation(checkpoint.recipe, checkpoint.provenance)
    network = load(checkpoint)

    def inspect(image: Image, folder: Path) -> None:
        from osr.inspection import inspect_image
        from osr.inspection.drawing import save_pictures

        save_pictures(inspect_image(image, checkpoint), folder)

    return Model(
        label,
        f"{label} ({spec.kind} {spec.backbone.kind})",
        "network",
        analyse(spec).parameter_count,
        seen.kinds,
        seen.unknown,
        checkpoint.provenance,
        checkpoint.sha256,
        lambda image: restore(image, network, tile),
        inspect if spec.makes_waves and not spec.in_file else None,
    )


def _zero_shot_model(label: str, name: str) -> Model:
    require_torch()
    one = ZERO_SHOT[name]
    kinds = tuple(sorted(one.kinds))
    return Model(label, one.title, "zero-shot", PARAMETERS, kinds, run=one.restore)


def baseline_models() -> tuple[Model, ...]:
    """The rows of :mod:`osr.evaluation.baselines`."""
    return tuple(
        Model(name, one.title, "baseline", seen=tuple(sorted(one.kinds)), run=one.restore)
        for name, one in BASELINES.items()
    )


def _label(label: str, model: str) -> str:
    if label in RESERVED:
        raise OptionError(f"model {model}: the label {label} is reserved; choose another")
    return safe_name(label)


class Seen(NamedTuple):
    """What a model was trained on."""

    kinds: tuple[str, ...]
    """Kinds of degradation, sorted."""
    unknown: tuple[str, ...] = ()
    """Training data whose degradation is not known, sorted."""


def seen_degradation(recipe: Any, provenance: Any) -> Seen:
    """What the model of a checkpoint with this recipe and provenance was trained on.

    The recipe has the sampling weight of each kind of sample: synthetic degradations, and data sets
    of pairs, whose degradation the catalogue knows. Earlier stages, and the models that weights
    came from, count as well. Metadata may have any form: what is no recipe is :data:`NO_RECIPE`.

    >>> specialist = {"recipe": {"sampling_weights": {"noise": 1.0}}}
    >>> seen_degradation({"sampling_weights": {"rain": 1.0}}, {"init": [specialist]}).kinds
    ('noise', 'rain')
    """
    kinds: set[str] = set()
    unknown: set[str] = set()
    for weights in _sampling_weights(recipe, provenance):
        samples = {n for n, w in weights.items() if isinstance(w, (int, float)) and w > 0}
        if not samples:
            unknown.add(NO_RECIPE)
        for name in samples - {"clean", "mixture"}:
            found = _kinds(name)
            kinds.update(found)
            unknown.update(() if found else [name])
    return Seen(tuple(sorted(kinds)), tuple(sorted(unknown)))


def _sampling_weights(recipe: Any, provenance: Any) -> Iterator[Mapping[str, Any]]:
    """Those of all trainings that a model's weights went through, its own first.

    The provenance holds earlier stages (``stages``) and the files that weights came from
    (``init``). In release 0.1 the keys were ``shares``, and ``start``, ``backbone`` and
    ``experts``.
    """
    about = _table(provenance)
    for training in map(_table, (recipe, *_list(about.get("stages")))):
        yield _table(training.get("sampling_weights", training.get("shares")))
    origins = about.get("start"), about.get("backbone")
    several = (*_list(about.get("init")), *_list(about.get("experts")))
    for origin in filter(None, map(_table, (*origins, *several))):
        yield from _sampling_weights(origin.get("recipe"), origin.get("provenance"))


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _kinds(sample: str) -> tuple[str, ...]:
    """Kinds of degradation of a chain or of a data set of pairs; none where they are not known."""
    try:
        return Chain.parse(sample).kinds
    except OptionError:
        pass
    try:
        entry = find(sample)
    except OptionError:
        return ()
    return (entry.degradation,) if entry.paired and entry.degradation else ()
