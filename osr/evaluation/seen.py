"""Kinds of degradation a model was trained on, from the metadata of its checkpoint alone.

A checkpoint carries its recipe with the sampling weight of each kind of sample: synthetic
degradations, and data sets of pairs, whose degradation the catalogue knows. What earlier stages and
the models that weights came from were trained on counts as well; it is in the provenance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from osr.datasets import find
from osr.degradations import Chain
from osr_core.errors import OptionError

NO_RECIPE = "a training without a recipe"
"""Is among the unknown where a checkpoint does not say how it was trained."""


class Seen(NamedTuple):
    """What a model was trained on."""

    kinds: tuple[str, ...]
    """Kinds of degradation, sorted."""
    unknown: tuple[str, ...] = ()
    """Training data whose degradation is not known, sorted."""


def seen_degradation(recipe: Any, provenance: Any) -> Seen:
    """What the model of a checkpoint with this recipe and provenance was trained on.

    Metadata may have any form: what is no recipe counts as a training without one.

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
