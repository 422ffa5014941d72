"""The validation split of a training recipe as data sets, to choose a model by."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from osr.datasets import DataSet, Item, find
from osr.training.recipe_files import load_stages
from osr.training.sampling import Samples
from osr_core.errors import OptionError


def validation_sets(
    recipe: str | os.PathLike[str], folders: Mapping[str, list[str]]
) -> Iterator[tuple[DataSet, tuple[Item, ...]]]:
    """The recipe's validation photographs and pairs, downscaled as in training.

    Raises:
        OptionError: if the recipe is invalid or has no validation split.
        ImageError: if a folder does not hold its data set.
    """
    loaded = load_stages(recipe, data=folders)[-1]
    if not loaded.validation.val_fraction:
        raise OptionError(f"{recipe}: validation.val_fraction is 0: no validation split")
    split = Samples.of(loaded).split()[1]
    for name, found in {**split.pairs, "photographs": split.photographs}.items():
        # Two folders may hold images of the same name.
        items = (
            replace(item, name=f"{i:03}-{item.name}", max_side=loaded.max_side)
            for i, item in enumerate(found)
        )
        if found:
            yield replace(find(name), name=f"validation {name}"), tuple(items)
