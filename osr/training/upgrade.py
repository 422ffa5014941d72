"""Recipes in the metadata of checkpoints of release 0.1, with the names of today's keys."""

from __future__ import annotations

from collections.abc import Mapping
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
    for table, key, value in _entries(recipe):
        *outer, name = RENAMED.get(f"{table}{key}", f"{table}{key}").split(".")
        (result.setdefault(outer[0], {}) if outer else result)[name] = value
    if "degradations" in result:
        result["degradations"] = {
            kind: {"mist" if key == "veil" else key: pair for key, pair in ranges.items()}
            for kind, ranges in result["degradations"].items()
        }
    return result


def _entries(recipe: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """(table with a dot, key, value) of what may have been renamed, at both levels."""
    tables = {old.split(".")[0] for old in RENAMED if "." in old}
    entries: list[tuple[str, str, Any]] = []
    for key, value in recipe.items():
        if key in tables and isinstance(value, Mapping):
            entries += [(f"{key}.", name, inner) for name, inner in value.items()]
        else:
            entries.append(("", key, value))
    return entries
