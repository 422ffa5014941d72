"""Recipes in the metadata of checkpoints of any release, with today's keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

RENAMED: Mapping[str, str] = {
    "shares": "sampling_weights",
    "optimizer.rate": "optimizer.lr",
    "schedule.kind": "scheduler.kind",
    "schedule.warmup": "scheduler.warmup",
    "schedule.every": "scheduler.step_size",
    "schedule.factor": "scheduler.gamma",
    "evaluation.every": "validation.every",
    "evaluation.samples": "validation.samples",
    "evaluation.held_out": "validation.val_fraction",
    "weights": "init.model",
    "backbone.weights": "init.backbone",
    "backbone.experts": "init.experts",
    "tones": "augmentation.tone",
    "close_ups": "augmentation.zoom",
    "walls": "augmentation.flat_patches",
    "stripes": "augmentation.striped_patches",
    "fades": "augmentation.contrast",
    "batch": "batch_size",
    "accumulate": "accumulation_steps",
    "crop": "crop_size",
    "largest_side": "max_side",
    "clip": "clip_grad_norm",
    "ema": "ema_decay",
    "save_every": "checkpoint_every",
    "keep": "max_checkpoints",
    "max_skipped": "max_skipped_steps",
}
"""Key of release 0.1 → key of today; a dot leads into a table."""


def upgrade_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe of any release with the keys of today.

    >>> upgrade_recipe({"shares": {"rain": 1.0}, "optimizer": {"kind": "adam", "rate": 0.1}})
    {'sampling_weights': {'rain': 1.0}, 'optimizer': {'kind': 'adam', 'lr': 0.1}}
    """
    result: dict[str, Any] = {}
    for key, value in _entries(recipe):
        *outer, name = RENAMED.get(key, key).split(".")
        (result.setdefault(outer[0], {}) if outer else result)[name] = value
    if "degradations" in result:
        result["degradations"] = {
            kind: {"mist" if key == "veil" else key: pair for key, pair in table(ranges).items()}
            for kind, ranges in table(result["degradations"]).items()
        }
    return result


def trainings(recipe: Any, provenance: Any) -> Iterator[dict[str, Any]]:
    """The recipes of all trainings that a model's weights went through, its own first.

    Args:
        recipe: of its checkpoint; anything but a table is taken as unknown.
        provenance: of its checkpoint: it holds earlier stages (``stages``) and the files that
            weights came from (``init``; in release 0.1 ``start``, ``backbone`` and ``experts``).
    """
    yield upgrade_recipe(table(recipe))
    about = table(provenance)
    for stage in _list(about.get("stages")):
        yield upgrade_recipe(table(stage))
    one = (about.get(key) for key in ("start", "backbone"))
    several = (*_list(about.get("init")), *_list(about.get("experts")))
    for origin in filter(None, map(table, (*one, *several))):
        yield from trainings(origin.get("recipe"), origin.get("provenance"))


def table(value: Any) -> Mapping[str, Any]:
    """What should be a table of the metadata; an empty one if it is not."""
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(recipe: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values; those of tables whose keys were renamed are dotted."""
    tables = {old.split(".")[0] for old in RENAMED if "." in old}
    for key, value in recipe.items():
        if key in tables and isinstance(value, Mapping):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value
