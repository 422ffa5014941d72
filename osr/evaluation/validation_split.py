"""Columns of the validation split of a training recipe, to choose a model by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from osr.datasets import DataSet, Item, find
from osr.evaluation.columns import DEFAULT_DEGRADATIONS, Column, make_column
from osr.training.recipe_files import load_stages
from osr.training.sampling import Samples
from osr_core.errors import OptionError


def validation_columns(
    recipe: str | os.PathLike[str],
    folders: Mapping[str, list[str]],
    degradations: Sequence[str] = (),
    protocol: str | None = None,
    limit: int | None = None,
) -> tuple[Column, ...]:
    """The recipe's validation photographs with every degradation, and its validation pairs.

    Images are shrunk as in training.

    Raises:
        OptionError: if the recipe is invalid or has no validation split.
        ImageError: if a folder does not hold its data set.
    """
    loaded = load_stages(recipe, data=folders)[-1]
    if not loaded.validation.val_fraction:
        raise OptionError(f"{recipe}: validation.val_fraction is 0: no validation split")
    split = Samples.of(loaded).split()[1]
    sets: list[tuple[DataSet, Iterable[Item]]] = [
        (replace(find(name), name=f"validation {name}"), pairs)
        for name, pairs in split.pairs.items()
    ]
    if split.photographs:
        sets.append((replace(find("photographs"), name="validation"), split.photographs))
    return tuple(
        make_column(data, _numbered(found), degradation, protocol, limit, max_side=loaded.max_side)
        for data, found in sets
        for degradation in ((None,) if data.paired else degradations or DEFAULT_DEGRADATIONS)
    )


def _numbered(found: Iterable[Item]) -> list[Item]:
    """Two folders may hold images of the same name."""
    return [replace(item, name=f"{i:03}-{item.name}") for i, item in enumerate(found)]
