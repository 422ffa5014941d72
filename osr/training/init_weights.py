"""The initial weights of a run: drawn from the seed, or from files that the recipe names."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from osr.training.recipe import PREVIOUS, Recipe
from osr_core.checkpoint import Checkpoint, State
from osr_core.errors import CheckpointError
from osr_core.initial import initial_state
from osr_core.spec import ModelSpec, UNet

PREFIX = "backbone."

Provenance = dict[str, Any]


def initial_weights(recipe: Recipe, previous: Path | None = None) -> tuple[State, Provenance]:
    """Initial weights of a recipe, and what the provenance of the result says of them.

    That is under ``init`` a list of name, recipe and provenance of each file, and under ``stages``
    the recipes of earlier stages. ``previous`` is the model of the stage before. Raises
    :class:`ModelError` for an unknown model or file, and :class:`CheckpointError` if its network,
    backbone or expert is not the recipe's.
    """
    init, spec = recipe.init, recipe.spec
    state = dict(initial_state(spec, recipe.seed))
    about: Provenance = {}
    if init.model == PREVIOUS:
        if previous is None:
            raise CheckpointError(f"recipe.init.model {PREVIOUS}: is for stages after the first")
        source = Checkpoint.load(previous)
        state |= _whole_model(PREVIOUS, source, spec, state)
        before, stages = source.provenance, source.provenance.get("stages", [])
        about = {"init": before.get("init", []), "stages": [*stages, source.recipe]}
    sources = {name: Checkpoint.load(name) for name in init.files}
    if init.model in sources:
        state |= _whole_model(init.model, sources[init.model], spec, state)
    if init.backbone:
        state |= _backbone(init.backbone, sources[init.backbone], spec)
    if init.experts:
        state |= _experts([(name, sources[name]) for name in init.experts], spec)
    if sources:
        about["init"] = [
            {"name": n, "recipe": s.recipe, "provenance": s.provenance} for n, s in sources.items()
        ]
    return state, about


def _whole_model(name: str, source: Checkpoint, spec: ModelSpec, fresh: State) -> State:
    ours, theirs = (replace(s, frozen=False) for s in (spec, source.spec))
    if theirs in (ours, _without_context(ours)):
        return source.state
    if _is_wider(ours, theirs):
        return {n: _widened(array, fresh[n]) for n, array in source.state.items()}
    raise CheckpointError(f"recipe.init.model {name}: has another network than recipe.spec")


def _is_wider(spec: ModelSpec, source: ModelSpec) -> bool:
    """Whether the two are U-Nets that differ in nothing but more channels of some levels."""
    ours, theirs = spec.backbone, source.backbone
    if not (isinstance(ours, UNet) and isinstance(theirs, UNet)):
        return False
    if len(ours.widths) != len(theirs.widths):
        return False
    same = replace(source, backbone=replace(theirs, widths=ours.widths)) == spec
    return same and all(map(operator.ge, ours.widths, theirs.widths))


def _widened(old: NDArray[Any], fresh: NDArray[Any]) -> NDArray[Any]:
    """A layer with more channels. Those that it had compute what they did, as in Net2Net (Chen et
    al., ICLR 2016); the new ones are fresh, and nothing reads them yet."""
    array = fresh.copy()
    array[: len(old)] = 0
    array[tuple(map(slice, old.shape))] = old
    return array


def _without_context(spec: ModelSpec) -> ModelSpec:
    """The network without its context branch, which can be added in a later training."""
    backbone = spec.backbone
    plain = replace(backbone, context=()) if isinstance(backbone, UNet) else backbone
    return replace(spec, backbone=plain)


def _backbone(name: str, source: Checkpoint, spec: ModelSpec) -> State:
    ours, theirs = (f"{s.backbone} of {s.backbone_channels} channels" for s in (spec, source.spec))
    if ours != theirs:
        raise CheckpointError(f"recipe.init.backbone {name}: is {theirs}, recipe.spec {ours}")
    inside = PREFIX if source.spec.reprogrammed else ""
    prefix = PREFIX if spec.reprogrammed else ""
    return {
        prefix + n.removeprefix(inside): a for n, a in source.state.items() if n.startswith(inside)
    }


def _experts(sources: Sequence[tuple[str, Checkpoint]], spec: ModelSpec) -> State:
    ours = spec.experts
    if spec.reprogrammed or len(ours) != len(sources):
        raise CheckpointError(
            f"recipe.init.experts: {len(sources)} files for {len(ours)} experts of recipe.spec"
        )
    weights: dict[str, Any] = {}
    for index, ((name, source), expert) in enumerate(zip(sources, ours, strict=True)):
        if replace(source.spec, frozen=False) != ModelSpec(expert):
            where = f"recipe.init.experts {name}"
            raise CheckpointError(f"{where}: is {source.spec.backbone}, recipe.spec {expert}")
        weights |= {f"experts.{index}.{n}": a for n, a in source.state.items()}
    return weights
