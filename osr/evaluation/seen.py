"""Which kinds of degradation a model was trained on, from its own checkpoint and from nothing else.

A checkpoint carries its recipe: how often each kind of sample was drawn. Kinds of synthetic degradation
stand there by name, and so do data sets of pairs, whose degradation is that of their entry in the
catalogue. A mixture draws from the kinds beside it. A model around specialists has seen what they
saw, and one that was trained further what it saw before: their recipes are in
``provenance["backbone"]``, ``provenance["experts"]`` and ``provenance["start"]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from osr.degradations import Chain
from osr.training.upgrade import upgrade_recipe
from osr_core.errors import OptionError

NO_RECIPE = "a training without a recipe"
"""Stands among the unknown where a checkpoint does not say how it was trained."""


@dataclass(frozen=True)
class Seen:
    """What a model was trained on."""

    kinds: tuple[str, ...]
    """Kinds of degradation, sorted."""
    unknown: tuple[str, ...] = ()
    """Training data of which nobody knows what degradation they hold, sorted."""


def seen_degradation(recipe: Mapping[str, Any], provenance: Mapping[str, Any]) -> Seen:
    """What the model of a checkpoint was trained on.

    Args:
        recipe: the checkpoint's recipe, of which the sampling weights count.
        provenance: the checkpoint's provenance, of which that of specialists inside counts.

    >>> seen_degradation({"sampling_weights": {"clean": 1.0, "rain": 2.0, "haze": 0.0}}, {})
    Seen(kinds=('rain',), unknown=())
    >>> specialist = {"recipe": {"sampling_weights": {"noise": 1.0}}, "provenance": {}}
    >>> seen_degradation({"sampling_weights": {"rain": 1.0}}, {"experts": [specialist]}).kinds
    ('noise', 'rain')
    """
    kinds: set[str] = set()
    unknown: set[str] = set()
    weights = upgrade_recipe(recipe).get("sampling_weights") or {}
    for name in (name for name, weight in weights.items() if weight > 0):
        if name in ("clean", "mixture"):
            continue
        try:
            kinds.update(Chain.parse(name).kinds)
        except OptionError:
            degradation = degradation_of(name)
            kinds.update([degradation] if degradation else [])
            unknown.update([] if degradation else [name])
    if not weights:
        unknown.add(NO_RECIPE)
    origins = [provenance.get("start"), provenance.get("backbone"), *provenance.get("experts", ())]
    for origin in filter(None, origins):
        parts = (origin.get(part) or {} for part in ("recipe", "provenance"))
        inner = seen_degradation(*parts)
        kinds.update(inner.kinds)
        unknown.update(inner.unknown)
    return Seen(tuple(sorted(kinds)), tuple(sorted(unknown)))


def degradation_of(data_set: str) -> str | None:
    """The kind of degradation of a data set of pairs; ``None`` where the catalogue does not know it."""
    from osr.datasets import find

    try:
        entry = find(data_set)
    except OptionError:
        return None
    return entry.degradation if entry.paired else None
