"""Training states as files: with a checksum, and checked in full before they are resumed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from osr.training.recipe import Recipe
from osr.training.run_state import ARRAYS, RunState
from osr_core.checkpoint import METADATA_LENGTH, check_state, check_tensors
from osr_core.errors import CheckpointError, OSRError
from osr_core.json_text import parse_json
from osr_core.tensor_file import read_tensors, write_tensors
from osr_core.training.trainer import Arrays

Shapes = Mapping[str, tuple[int, ...]]


def state_name(step: int) -> str:
    """The file name of the state after a step."""
    return f"state-{step:08}.safetensors"


def write_state(path: Path, state: RunState, recipe: Recipe, fingerprint: str) -> None:
    """Write a state, atomically; :class:`CheckpointError` if the disk is full, for instance."""
    tensors = {f"{g}.{n}": a for g in ARRAYS for n, a in getattr(state, g).items()}
    texts = {
        "numbers": json.dumps(state.numbers()),
        "recipe": json.dumps(recipe.to_dict()),
        "files": fingerprint,
    }
    write_tensors(path, tensors, texts)


def read_state(path: Path, moments: Shapes) -> tuple[RunState, Recipe, str]:
    """A state, the recipe of its run and the fingerprint of its images.

    Args:
        path: the file; its name holds the step.
        moments: name and shape of each moment of the optimizer.

    Raises:
        CheckpointError: if it cannot be read, is corrupted, or is no state of a training.
    """
    tensors, texts = read_tensors(path)
    try:
        recipe = Recipe.from_dict(parse_json(texts["recipe"], METADATA_LENGTH))
        weight, average, optimizer = (_group(tensors, name) for name in ARRAYS)
        numbers = parse_json(texts["numbers"], METADATA_LENGTH)
        _check_numbers(numbers, recipe.steps)
        state = RunState(weight, average, optimizer, **numbers)
        if path.name != state_name(state.step):
            raise CheckpointError(f"holds step {state.step}; was it renamed?")
        for weights in (weight, average):
            check_state(recipe.spec, weights)
        check_tensors(moments, optimizer)
        return state, recipe, texts["files"]
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except (OSRError, KeyError, ValueError, TypeError):
        raise CheckpointError(f"{path}: not the state of a run") from None


def _group(tensors: Arrays, group: str) -> Arrays:
    prefix = f"{group}."
    return {n.removeprefix(prefix): a for n, a in tensors.items() if n.startswith(prefix)}


def _check_numbers(numbers: Any, steps: int) -> None:
    """Raise ValueError or TypeError unless they are those of a :class:`RunState`."""
    kinds = {f.name: f.type for f in fields(RunState) if f.name not in ARRAYS}
    if not isinstance(numbers, dict) or numbers.keys() != kinds.keys():
        raise ValueError
    for name, value in numbers.items():
        if name == "best":  # minus infinity before the first validation
            valid = type(value) in (int, float) and value < math.inf
        elif kinds[name] == "int":
            valid = type(value) is int and 0 <= value <= steps
        else:
            valid = type(value) in (int, float) and 0 < value < math.inf
        if not valid:
            raise ValueError
