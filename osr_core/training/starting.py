"""The weights a run starts from: drawn from the seed, a specialist's, or a whole model's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from osr_core.checkpoint import Checkpoint, State
from osr_core.errors import CheckpointError
from osr_core.initial import initial_state
from osr_core.registry import find_weights
from osr_core.spec import ModelSpec
from osr_core.training.recipe import Recipe

PREFIX = "backbone."


def starting_state(recipe: Recipe) -> tuple[State, dict[str, Any]]:
    """Initial weights of a recipe, and the provenance of those that come from a file.

    Raises:
        ModelError: if there is no such model or file.
        CheckpointError: if its network or backbone is another one than the recipe's.
    """
    if recipe.weights:
        source = Checkpoint.load(find_weights(recipe.weights))
        if replace(source.spec, frozen=recipe.spec.frozen) != recipe.spec:
            raise CheckpointError(f"recipe.weights {recipe.weights}: holds another network")
        return source.state, {"start": _about(recipe.weights, source)}
    state = initial_state(recipe.spec, recipe.seed)
    if not recipe.backbone.weights:
        return state, {}
    name = recipe.backbone.weights
    source = Checkpoint.load(find_weights(name))
    ours, theirs = _describe(recipe.spec), _describe(source.spec)
    if ours != theirs:
        raise CheckpointError(f"recipe.backbone.weights {name}: holds {theirs}, recipe.spec {ours}")
    weights = {n: a for n, a in source.state.items() if n.startswith(PREFIX)} or {
        PREFIX + n: a for n, a in source.state.items()
    }
    if not recipe.spec.reprogrammed:
        weights = {n.removeprefix(PREFIX): a for n, a in weights.items()}
    return {**state, **weights}, {"backbone": _about(name, source)}


def _about(name: str, source: Checkpoint) -> dict[str, Any]:
    return {"name": name, "recipe": source.recipe, "provenance": source.provenance}


def _describe(spec: ModelSpec) -> str:
    return f"{spec.backbone} of {spec.backbone_channels} channels"
