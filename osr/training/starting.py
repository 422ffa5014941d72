"""The weights a run starts from: drawn from the seed, specialists', or a whole model's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from osr.training.recipe import Recipe
from osr_core.checkpoint import Checkpoint, State
from osr_core.errors import CheckpointError
from osr_core.initial import initial_state
from osr_core.spec import Experts, ModelSpec, UNet

PREFIX = "backbone."


def starting_state(recipe: Recipe) -> tuple[State, dict[str, Any]]:
    """Initial weights of a recipe, and the provenance of those that come from a file.

    Raises:
        ModelError: if there is no such model or file.
        CheckpointError: if its network, backbone or expert is another one than the recipe's.
    """
    if recipe.init.model:
        source = Checkpoint.load(recipe.init.model)
        spec = replace(recipe.spec, frozen=False)
        if replace(source.spec, frozen=False) not in (spec, _without_context(spec)):
            raise CheckpointError(f"recipe.init.model {recipe.init.model}: holds another network")
        state = {**initial_state(recipe.spec, recipe.seed), **source.state}
        return state, {"start": _about(recipe.init.model, source)}
    state = initial_state(recipe.spec, recipe.seed)
    if recipe.init.experts:
        return _experts(recipe, state)
    if not recipe.init.backbone:
        return state, {}
    name = recipe.init.backbone
    source = Checkpoint.load(name)
    ours, theirs = _describe(recipe.spec), _describe(source.spec)
    if ours != theirs:
        raise CheckpointError(f"recipe.init.backbone {name}: holds {theirs}, recipe.spec {ours}")
    weights = {n: a for n, a in source.state.items() if n.startswith(PREFIX)} or {
        PREFIX + n: a for n, a in source.state.items()
    }
    if not recipe.spec.reprogrammed:
        weights = {n.removeprefix(PREFIX): a for n, a in weights.items()}
    return {**state, **weights}, {"backbone": _about(name, source)}


def _without_context(spec: ModelSpec) -> ModelSpec:
    """The network without its context branch, which can be added in a later training."""
    backbone = spec.backbone
    plain = replace(backbone, context=()) if isinstance(backbone, UNet) else backbone
    return replace(spec, backbone=plain)


def _experts(recipe: Recipe, state: State) -> tuple[State, dict[str, Any]]:
    names, backbone = recipe.init.experts, recipe.spec.backbone
    ours = backbone.experts if isinstance(backbone, Experts) else ()
    if recipe.spec.reprogrammed or len(ours) != len(names):
        raise CheckpointError(
            f"recipe.init.experts: {len(names)} files for {len(ours)} experts of recipe.spec"
        )
    weights, about = dict(state), []
    for index, (name, expert) in enumerate(zip(names, ours, strict=True)):
        source = Checkpoint.load(name)
        if replace(source.spec, frozen=False) != ModelSpec(expert):
            where = f"recipe.init.experts {name}"
            raise CheckpointError(f"{where}: holds {source.spec.backbone}, recipe.spec {expert}")
        weights |= {f"experts.{index}.{n}": array for n, array in source.state.items()}
        about.append(_about(name, source))
    return weights, {"experts": about}


def _about(name: str, source: Checkpoint) -> dict[str, Any]:
    return {"name": name, "recipe": source.recipe, "provenance": source.provenance}


def _describe(spec: ModelSpec) -> str:
    return f"{spec.backbone} of {spec.backbone_channels} channels"
