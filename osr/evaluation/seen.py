"""Kinds of degradation a model was trained on, from the metadata of its checkpoint alone.

A checkpoint carries its recipe with the sampling weight of each kind of sample: synthetic
degradations by name, and data sets of pairs, whose degradation is that of their entry in the
catalogue. A mixture draws from the kinds beside it. What earlier stages and the models that weights
came from were trained on counts as well: their recipes are in the provenance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from osr.datasets import find
from osr.degradations import Chain
from osr.training.upgrade import table, trainings
from osr_core.errors import OptionError

NO_RECIPE = "a training without a recipe"
"""Is among the unknown where a checkpoint does not say how it was trained."""


@dataclass(frozen=True)
class Seen:
    """What a model was trained on."""

    kinds: tuple[str, ...]
    """Kinds of degradation, sorted."""
    unknown: tuple[str, ...] = ()
    """Training data whose degradation is not known, sorted."""


def seen_degradation(recipe: Any, provenance: Any) -> Seen:
    """What the model of a checkpoint was trained on.

    Args:
        recipe: the checkpoint's recipe, of which the sampling weights count.
        provenance: the checkpoint's provenance, of which that of models inside counts.

    Metadata may have any form: what is no recipe counts as a training without one.

    >>> seen_degradation({"sampling_weights": {"clean": 1.0, "rain": 2.0, "haze": 0.0}}, {})
    Seen(kinds=('rain',), unknown=())
    >>> specialist = {"recipe": {"sampling_weights": {"noise": 1.0}}}
    >>> seen_degradation({"sampling_weights": {"rain": 1.0}}, {"init": [specialist]}).kinds
    ('noise', 'rain')
    """
    kinds: set[str] = set()
    unknown: set[str] = set()
    for training in trainings(recipe, provenance):
        weights = table(training.get("sampling_weights"))
        samples = {n for n, w in weights.items() if isinstance(w, (int, float)) and w > 0}
        if not samples:
            unknown.add(NO_RECIPE)
        for name in samples - {"clean", "mixture"}:
            found = _kinds(name)
            kinds.update(found)
            unknown.update(() if found else [name])
    return Seen(tuple(sorted(kinds)), tuple(sorted(unknown)))


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
