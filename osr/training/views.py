"""Training samples for loops of your own: what PyTorch's and MindSpore's loaders take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from osr.training.recipe import Recipe
from osr.training.recipe_files import PathLike
from osr.training.run import recipe_stages
from osr.training.sampling import Batch, Samples
from osr_core.errors import OptionError


class SampleView:
    """The samples of a recipe by number, the same for any number of loader processes.

    ``torch.utils.data.DataLoader(view, view.batch_size)`` and
    ``mindspore.dataset.GeneratorDataset(view, ["degraded", "clean"], shuffle=False)`` take it. In
    their order, samples are those of ``osr train``, which are drawn: they need no shuffling.
    """

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.batch_size = samples.recipe.batch_size

    def __len__(self) -> int:
        return self.samples.recipe.steps * self.batch_size

    def __getitem__(self, number: int) -> Batch:
        """Degraded and clean crop, ``(3, crop, crop)`` float32 each."""
        if not 0 <= number < len(self):
            raise IndexError(f"sample {number} of {len(self)}")
        return self.samples.sample(*divmod(int(number), self.batch_size))


def training_samples(
    recipe: Recipe | PathLike | Sequence[Recipe | PathLike],
    *,
    task: str | None = None,
    assign: Iterable[str] = (),
    data: Mapping[str, PathLike | Sequence[PathLike]] | None = None,
    stage: int = 1,
    split: str = "train",
) -> SampleView:
    """Samples for a training loop of your own; degradations are drawn as the recipe says.

    Args:
        recipe: as :func:`osr.train` takes it, like the next three.
        task: of a recipe with ``[task.NAME]`` tables.
        assign: ``key=value`` pairs that override the files.
        data: data set → folder or list of folders, in place of those of the recipe.
        stage: of a recipe with several, from 1.
        split: ``train`` or ``val``, of which the latter is kept from training; ``all`` is both.

    Raises:
        OptionError: if the recipe or an option is invalid.
        ImageError: if a data set is incomplete.

    >>> import osr  # doctest: +SKIP
    >>> view = osr.training_samples("paper-small", task="denoise")  # doctest: +SKIP
    >>> degraded, clean = view[0]  # doctest: +SKIP
    """
    stages = recipe_stages(recipe, task, assign, data)
    if not 1 <= stage <= len(stages):
        raise OptionError(f"stage {stage}: expected 1 to {len(stages)}")
    samples = Samples.of(stages[stage - 1])
    splits: dict[str, Any] = dict(zip(("train", "val"), samples.split(), strict=True))
    splits["all"] = samples
    if split not in splits:
        raise OptionError(f"split {split!r}: expected one of {', '.join(splits)}")
    return SampleView(splits[split])
