"""The initial weights of a run: drawn from the seed, or from files that the recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from osr.training.recipe import Recipe
from osr.training.recipe_tables import PREVIOUS
from osr_core.checkpoint import Checkpoint, State
from osr_core.errors import CheckpointError
from osr_core.initial import initial_state
from osr_core.spec import Experts, ModelSpec, UNet

PREFIX = "backbone."

Provenance = dict[str, Any]


def initial_weights(recipe: Recipe, previous: Path | None = None) -> tuple[State, Provenance]:
    """Initial weights of a recipe, and where those that come from files come from.

    Args:
        recipe: a training, or a stage of one.
        previous: model of the stage before, for ``init.model = "previous"``.

    Returns:
        The weights, and what the provenance of the result says of them: under ``init`` a list of
        name, recipe and provenance of each file, under ``stages`` the recipes of earlier stages.

    Raises:
        ModelError: if there is no such model or file.
        CheckpointError: if its network, backbone or expert is not the recipe's.
    """
    init, state = recipe.init, initial_state(recipe.spec, recipe.seed)
    if init.model:
        weights, about = _whole_model(recipe, previous)
    elif init.experts:
        weights, about = _experts(recipe)
    elif init.backbone:
        weights, about = _backbone(recipe)
    else:
        return state, {}
    return {**state, **weights}, about


def _whole_model(recipe: Recipe, previous: Path | None) -> tuple[State, Provenance]:
    name = recipe.init.model
    first = name == PREVIOUS and previous is None
    if first:
        raise CheckpointError(f"recipe.init.model {name}: is for stages after the first")
    source = Checkpoint.load(previous if name == PREVIOUS and previous else name)
    spec = replace(recipe.spec, frozen=False)
    if replace(source.spec, frozen=False) not in (spec, _without_context(spec)):
        raise CheckpointError(f"recipe.init.model {name}: has another network than recipe.spec")
    if name != PREVIOUS:
        return source.state, {"init": [_about(name, source)]}
    earlier = source.provenance.get("stages", [])
    about = {"init": source.provenance.get("init", []), "stages": [*earlier, source.recipe]}
    return source.state, about


def _without_context(spec: ModelSpec) -> ModelSpec:
    """The network without its context branch, which can be added in a later training."""
    backbone = spec.backbone
    plain = replace(backbone, context=()) if isinstance(backbone, UNet) else backbone
    return replace(spec, backbone=plain)


def _backbone(recipe: Recipe) -> tuple[State, Provenance]:
    name = recipe.init.backbone
    source = Checkpoint.load(name)
    ours, theirs = _describe(recipe.spec), _describe(source.spec)
    if ours != theirs:
        raise CheckpointError(f"recipe.init.backbone {name}: is {theirs}, recipe.spec {ours}")
    weights = _prefixed("", PREFIX, source.state)
    if source.spec.reprogrammed:
        weights = {n: a for n, a in source.state.items() if n.startswith(PREFIX)}
    if not recipe.spec.reprogrammed:
        weights = _prefixed(PREFIX, "", weights)
    return weights, {"init": [_about(name, source)]}


def _experts(recipe: Recipe) -> tuple[State, Provenance]:
    names, backbone = recipe.init.experts, recipe.spec.backbone
    ours = backbone.experts if isinstance(backbone, Experts) else ()
    if recipe.spec.reprogrammed or len(ours) != len(names):
        raise CheckpointError(
            f"recipe.init.experts: {len(names)} files for {len(ours)} experts of recipe.spec"
        )
    weights: dict[str, Any] = {}
    about = []
    for index, (name, expert) in enumerate(zip(names, ours, strict=True)):
        source = Checkpoint.load(name)
        if replace(source.spec, frozen=False) != ModelSpec(expert):
            where = f"recipe.init.experts {name}"
            raise CheckpointError(f"{where}: is {source.spec.backbone}, recipe.spec {expert}")
        weights |= _prefixed("", f"experts.{index}.", source.state)
        about.append(_about(name, source))
    return weights, {"init": about}


def _prefixed(old: str, new: str, state: State) -> Mapping[str, Any]:
    return {new + name.removeprefix(old): array for name, array in state.items()}


def _about(name: str, source: Checkpoint) -> Provenance:
    return {"name": name, "recipe": source.recipe, "provenance": source.provenance}


def _describe(spec: ModelSpec) -> str:
    return f"{spec.backbone} of {spec.backbone_channels} channels"
