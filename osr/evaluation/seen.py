"""Kinds of degradation a model was trained on, from the metadata of its checkpoint alone.

A checkpoint carries its recipe with the sampling weight of each kind of sample: synthetic
degradations by name, and data sets of pairs, whose degradation is that of their entry in the
catalogue. A mixture draws from the kinds beside it. A model that contains others (a backbone,
experts), or was trained further, has also seen what those saw: their recipes are in
``provenance["backbone"]``, ``provenance["experts"]`` and ``provenance["start"]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from osr.datasets import find
from osr.degradations import Chain
from osr.training.upgrade import upgrade_recipe
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
    >>> specialist = {"recipe": {"sampling_weights": {"noise": 1.0}}, "provenance": {}}
    >>> seen_degradation({"sampling_weights": {"rain": 1.0}}, {"experts": [specialist]}).kinds
    ('noise', 'rain')
    """
    kinds: set[str] = set()
    unknown: set[str] = set()
    samples = set(_samples(recipe))
    if not samples:
        unknown.add(NO_RECIPE)
    for name in samples - {"clean", "mixture"}:
        found = _kinds(name)
        kinds.update(found)
        unknown.update(() if found else [name])
    provenance = _table(provenance)
    experts = provenance.get("experts")
    origins = [provenance.get("start"), provenance.get("backbone"),
               *(experts if isinstance(experts, list) else ())]  # fmt: skip
    for origin in filter(None, map(_table, origins)):
        inner = seen_degradation(origin.get("recipe"), origin.get("provenance"))
        kinds.update(inner.kinds)
        unknown.update(inner.unknown)
    return Seen(tuple(sorted(kinds)), tuple(sorted(unknown)))


def _samples(recipe: Any) -> Iterator[str]:
    """Names of the samples that a training drew, in any of its stages."""
    upgraded = upgrade_recipe(_table(recipe))
    stages = upgraded.get("stage")
    for part in (upgraded, *(stages if isinstance(stages, list) else ())):
        for name, weight in _table(_table(part).get("sampling_weights")).items():
            if isinstance(weight, (int, float)) and weight > 0:
                yield name


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


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
