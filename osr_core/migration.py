"""Specs and tensor names of earlier versions and of MindSpore, brought to today's form.

Version 1 had other defaults. Version 2 called the context branch *scene* and the layout of the
wave *feed*, and knew three options, since removed, of which only the defaults can be read.

>>> upgrade_names({"scene_gate.bias": 0, "experts.3.scene.0.weight": 1, "head.bias": 2})
{'context_gate.bias': 0, 'experts.3.context.0.weight': 1, 'head.bias': 2}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from osr_core.errors import SpecError, quoted

T = TypeVar("T")

_DEFAULTS_OF_VERSION_1: Mapping[str, Mapping[str, Any]] = {
    "input_transform": {"phase_kernel": 1},
    "output_transform": {"residual": False},
}

_LAYOUTS = {"joint": "stacked", "turn": "shared"}

_REMOVED = {
    ("input_transform", "phase_range"): "free",
    ("output_transform", "keep"): "nothing",
    ("output_transform", "combine"): "parts",
}
"""Option of version 2 → the value it had in all published models."""

_MINDSPORE_ENDINGS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Names in normalisation layers → canonical ones, which are PyTorch's."""


def upgrade_spec(data: Mapping[str, Any]) -> dict[str, Any]:
    """A spec of version 1 or 2, as plain JSON values, in the form of version 3; others as they are.

    Wrong values are left for :class:`~osr_core.spec.ModelSpec` to refuse.

    Raises:
        SpecError: if the spec asks for an option that was removed.

    >>> upgrade_spec({"version": 2, "input_transform": {"feed": "turn"}})
    {'version': 3, 'input_transform': {'layout': 'shared'}}
    """
    version = data.get("version")
    if version not in (1, 2):
        return dict(data)
    result = {**_without_scene(data), "version": 3}
    for name, defaults in _DEFAULTS_OF_VERSION_1.items() if version == 1 else ():
        if isinstance(result.get(name), Mapping):
            result[name] = {**defaults, **result[name]}
    for (name, option), default in _REMOVED.items():
        value = result[name].pop(option, default) if isinstance(result.get(name), dict) else default
        if value != default:
            raise SpecError(f"{name}.{option}: {quoted(value)} was removed; use OSR 0.1.0")
    inputs = result.get("input_transform")
    if isinstance(inputs, dict) and "feed" in inputs:
        feed = inputs.pop("feed")
        inputs["layout"] = _LAYOUTS.get(feed, feed) if isinstance(feed, str) else feed
    return result


def upgrade_names(tensors: Mapping[str, T]) -> dict[str, T]:
    """Tensors by today's names."""
    return {re.sub(r"(^|\.)scene(?=[._])", r"\1context", n): t for n, t in tensors.items()}


def canonical_name(name: str) -> str:
    """PyTorch's name of a tensor of MindSpore's."""
    layer, _, last = name.rpartition(".")
    return f"{layer}.{_MINDSPORE_ENDINGS.get(last, last)}" if layer else name


def _without_scene(value: Any) -> Any:
    """Renames the field in a backbone, and in the experts within it."""
    if isinstance(value, Mapping):
        return {"context" if k == "scene" else k: _without_scene(v) for k, v in value.items()}
    return [_without_scene(item) for item in value] if isinstance(value, list) else value
