"""Train the network of a recipe, stage by stage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from backends import get_backend
from osr.training.init_weights import initial_weights
from osr.training.loading import MAX_WORKERS
from osr.training.loop import Summary, TrainingLoop
from osr.training.recipe import Recipe
from osr.training.recipe_files import PathLike, load_stages
from osr.training.run_folder import MODEL, locked
from osr.training.sampling import Samples
from osr_core import __version__
from osr_core.allocator import keep_freed_memory
from osr_core.backend import World
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError
from osr_core.training.trainer import Trainer
from weights.external import find_backbone
from weights.vgg import load_vgg


def train(
    recipe: Recipe | PathLike | Sequence[Recipe | PathLike],
    output: PathLike,
    *,
    task: str | None = None,
    assign: Iterable[str] = (),
    data: Mapping[str, PathLike | Sequence[PathLike]] | None = None,
    backend: str | None = None,
    device: str = "auto",
    resume: bool = False,
    workers: int = 1,
    backbone: Any = None,
) -> Summary:
    """Train the network of a recipe; ``output/model.safetensors`` is the result.

    A recipe of several stages has a run folder ``output/stage-1``, ``output/stage-2``… for each,
    else ``output`` is the run folder; :mod:`osr.training.run_folder` lists what is in it. Ctrl-C
    and SIGTERM end the training after the current step, with everything saved.

    Args:
        recipe: a file, the name of a recipe that comes with OSR, or several of these of which
            later ones override earlier ones; or a :class:`Recipe`, or one for each stage.
        output: a folder, created if missing.
        task: of a recipe with ``[task.NAME]`` tables.
        assign: ``key=value`` pairs that override the files, in every stage.
        data: data set → folder or list of folders, in place of those of the recipe.
        backend: ``torch`` or ``mindspore``; see :func:`backends.get_backend`.
        device: ``auto``, ``cpu``, ``cuda[:i]`` or ``ascend[:i]``.
        resume: whether to resume a stopped training; else the folder must hold none.
        workers: loader processes per training process, up to 64; 0 loads between the steps.
        backbone: a module or cell of your own, where the recipe's backbone is of the kind
            ``external``; as in ``backends.reprogram``.

    Returns:
        The summary of the last stage that was trained.

    Raises:
        OptionError: if the recipe or an option is invalid.
        ImageError: if a data set is incomplete, or too many images cannot be read.
        TrainingError: if ``output`` holds another run, another training runs in it, the training
            diverges, or loader processes are killed again and again.
        CheckpointError: if weights cannot be read or written.

    >>> import osr  # doctest: +SKIP
    >>> osr.train("small", "runs/small", data={"photographs": "photos/"})  # doctest: +SKIP
    """
    stages = recipe_stages(recipe, task, assign, data)
    if not 0 <= workers <= MAX_WORKERS:
        raise OptionError(f"workers {workers}: expected 0 to {MAX_WORKERS}")
    module = get_backend(backend)
    keep_freed_memory()
    world = module.init_distributed(device)
    for stage in stages:
        stage.trainer_options.check_batch_size(stage.batch_size, world.size)
    samples = [Samples.of(stage) for stage in stages]
    folder = Path(output)
    for number, each in enumerate(samples, 1):
        last = folder if len(stages) == 1 else folder / f"stage-{number}"
        previous = folder / f"stage-{number - 1}" / MODEL if number > 1 else None
        trainer, about = make_trainer(module, each.recipe, world, previous, backbone)
        provenance = {
            "trained_with": f"osr {__version__}, {module.name} {module.version()}",
            "processes": world.size,
            "images": each.counts(),
            **about,
        }
        with locked(last) if world.is_main else nullcontext():
            summary = TrainingLoop(trainer, each, last, provenance, resume=resume).run(workers)
        trainer.mean(0.0)  # every process waits until the main one has written
        if not summary.finished:
            break
    else:
        if last != folder and world.is_main:
            Checkpoint.load(last / MODEL).save(folder / MODEL)
    module.shutdown()
    return replace(summary, model=folder / MODEL if summary.finished else last / MODEL)


def make_trainer(
    backend: ModuleType,
    recipe: Recipe,
    world: World,
    previous: Path | None = None,
    backbone: Any = None,
) -> tuple[Trainer, dict[str, Any]]:
    """A trainer with the recipe's initial weights, and their provenance; ``previous`` is the model
    of the stage before, ``backbone`` the module of an external backbone that is in no file."""
    state, about = initial_weights(recipe, previous)
    vgg = load_vgg(recipe.vgg) if recipe.vgg else None
    if backbone is None:
        backbone = find_backbone(recipe.spec, backend.name)
    network = backend.build(recipe.spec, device=world.device, state=state, backbone=backbone)
    return backend.Trainer(network, recipe.trainer_options, vgg, world), about


def recipe_stages(
    recipe: Recipe | PathLike | Sequence[Recipe | PathLike],
    task: str | None,
    assign: Iterable[str],
    data: Mapping[str, PathLike | Sequence[PathLike]] | None,
) -> Sequence[Recipe]:
    """The stages of a training; the arguments are those of :func:`train`."""
    folders = {
        name: [os.fspath(f) for f in ([given] if isinstance(given, (str, os.PathLike)) else given)]
        for name, given in (data or {}).items()
    }
    given = [recipe] if isinstance(recipe, (Recipe, str, os.PathLike)) else recipe
    stages = [each for each in given if isinstance(each, Recipe)]
    files = [each for each in given if not isinstance(each, Recipe)]
    if not stages:
        return load_stages(*files, task=task, assign=assign, data=folders)
    if files or task or assign:
        raise OptionError("recipe: files, task and assign go with no Recipe; change the Recipe")
    return [replace(stage, data={**stage.data, **folders}) for stage in stages]
