"""Recipes in TOML files: found by name, merged, and divided into tasks and stages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from osr import settings
from osr.training.recipe import PREVIOUS, Recipe
from osr_core.errors import OptionError, SpecError
from osr_core.settings import require, suggest

PathLike = str | os.PathLike[str]

_PACKAGE = Path(__file__).resolve().parent.parent
FOLDER = next(f for f in (_PACKAGE / "recipes", _PACKAGE.parent / "recipes") if f.is_dir())
"""Recipes that come with OSR, installed or in a checkout."""


def load_stages(
    *recipes: PathLike,
    task: str | None = None,
    assign: Iterable[str] = (),
    data: Mapping[str, Any] | None = None,
) -> tuple[Recipe, ...]:
    """The stages of a training, one unless the recipe has several.

    A file's ``[task.NAME]`` tables override its keys for one task each, of which one must be
    chosen. Its ``[[stage]]`` tables override them for one stage each; a stage starts from the
    weights of the stage before, unless it has an ``init`` of its own.

    Args:
        recipes: TOML files, or names of recipes that come with OSR; later ones override earlier.
        task: to choose.
        assign: ``key=value`` pairs that override the files, in every stage.
        data: data set → folder or list of folders, in place of those of the files.

    Raises:
        OptionError: naming the files and the key that is wrong.

    >>> [stage.init.model for stage in load_stages("small", assign=["steps=10"])]
    ['', 'previous']
    """
    table = settings.load(find_recipe(recipe) for recipe in recipes)
    try:
        table = _with_task(table, task)
        stages = table.pop("stage", [{}])
        tables = isinstance(stages, list) and all(isinstance(each, Mapping) for each in stages)
        require(tables and bool(stages), "recipe.stage", "[[stage]] tables", stages)
        pairs = list(assign)
        return tuple(
            Recipe.from_dict(_stage(table, stage, pairs, data or {}, first=stage is stages[0]))
            for stage in stages
        )
    except (OptionError, SpecError) as error:
        raise OptionError(f"{', '.join(map(str, recipes))}: {error}") from None


def find_recipe(name: PathLike) -> Path:
    """The file of that path, or the recipe of that name that comes with OSR, else OptionError.

    >>> find_recipe("specialists/denoise").name
    'denoise.toml'
    """
    path, known = Path(name), FOLDER / f"{os.fspath(name)}.toml"
    if os.path.isfile(path) or path.suffix:
        return path
    if os.path.isfile(known):
        return known
    names = [p.relative_to(FOLDER).with_suffix("").as_posix() for p in FOLDER.rglob("*.toml")]
    hint = suggest(os.fspath(name), sorted(names))
    raise OptionError(f"recipe {name}: no such file or recipe; {hint}")


def _with_task(table: settings.Table, task: str | None) -> settings.Table:
    tasks = table.pop("task", {})
    require(isinstance(tasks, Mapping), "recipe.task", "a table for each task", tasks)
    if task is None and not tasks:
        return table
    if task not in tasks:
        hint = f"choose one of {', '.join(tasks)}" if tasks else "the recipe has no tasks"
        raise OptionError(f"task {task or 'missing'}: {hint}")
    return settings.merge(table, tasks[task])


def _stage(
    table: settings.Table,
    stage: Mapping[str, Any],
    assign: Iterable[str],
    data: Mapping[str, Any],
    *,
    first: bool,
) -> settings.Table:
    merged = settings.assign(settings.merge(table, stage), assign)
    for name, folders in data.items():
        merged = settings.put(merged, f"data.{name}", folders)
    return merged if first or "init" in stage else {**merged, "init": {"model": PREVIOUS}}
