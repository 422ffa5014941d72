"""How fast networks are on this machine: alone, from file to file, and beside others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backends import get_backend
from osr.benchmark import processes
from osr.benchmark.clock import Progress, Timed, run_rounds, stopwatch
from osr.benchmark.contenders import Contender, Tiles, models, peers
from osr.benchmark.machine import Gemm, describe
from osr.benchmark.rows import Benchmark, FilesRow, NetworkRow, StartRow, TrainingRow
from osr.benchmark.workloads import Scene, Workload, scene_of, synthetic
from osr.pipeline import restore_files
from osr.stages import Profile
from osr_core.allocator import keep_freed_memory
from osr_core.backend import BACKENDS, FRAMEWORKS, is_installed, require_backend
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError, OSRError
from osr_core.registry import default_model
from osr_core.training.options import TrainerOptions

TILES = (256, 512, 832)
"""Sides of square tiles."""

BATCH, CROP = 4, 128
"""Of a step of training."""

_SMALL = Workload(1, 0.01, ".png")


@dataclass
class _Files:
    """Files that a model restores."""

    contender: Contender
    alone: Tiles
    """The network on tiles of the image."""
    work: Workload
    timed: Timed
    peak: int | None


def bench(
    names: Sequence[str] = (),
    *,
    backends: Sequence[str] = (),
    precisions: Sequence[str] = ("float32",),
    inputs: Sequence[str] = ("12.png",),
    tiles: Sequence[int] = TILES,
    image: Path | None = None,
    with_peers: bool = False,
    with_processes: bool = True,
    with_training: bool = False,
    device: str = "auto",
    repeats: int = 3,
    progress: Progress | None = None,
) -> Benchmark:
    """Measure models on this machine.

    Everything is measured in rounds, each thing once a round. Figures are medians of the rounds,
    ratios medians of the ratios within each round.

    Args:
        names: registered models or weight files; by default the default model.
        backends: by default all that are installed.
        precisions: a backend leaves out those that it does not have.
        inputs: files to restore, see :meth:`~.workloads.Workload.parse`.
        tiles: sides of square tiles, on which networks are measured alone.
        image: what tiles and files show, reflected at its edges; by default synthetic structures
            and noise. Mixtures of experts with a router run what it needs.
        with_peers: measure networks and filters of others, too.
        with_processes: measure peak memory and start, in processes of their own.
        with_training: measure a step of training, in the backends that train.
        device: as of :func:`osr.restore_files`.
        repeats: rounds.
        progress: see :data:`~.clock.Progress`.

    Raises:
        OSRError: if the options are invalid, or a model cannot be loaded or restored with.
    """
    if repeats < 1 or not tiles or min(tiles) < 1:
        raise OptionError("bench: expected at least one repeat, and tiles of at least one pixel")
    works = [Workload.parse(text) for text in inputs]
    chosen = [require_backend(name) for name in backends or filter(is_installed, BACKENDS)]
    names = names or (default_model(),)
    keep_freed_memory()
    own = list(models(names, chosen, precisions, device))
    if not own:
        raise OptionError("bench: no backend has a precision that was asked for")
    scene = synthetic if image is None else scene_of(image)
    networks = own + (list(peers(chosen, device)) if with_peers else [])
    gemm, shown = Gemm(), scene(max(tiles), max(tiles))
    for each in networks:
        each.tiles = each.tiles_of(shown, tiles)
    with tempfile.TemporaryDirectory() as folder:
        files = list(_files(own, works, Path(folder), scene, tiles, device, with_processes))
        starts = dict(_starts(own, Path(folder), device)) if with_processes else {}
        training = dict(_training(names, chosen, device)) if with_training else {}
        groups = [each.tiles for each in networks]
        groups += [each.alone for each in files if each.alone is not each.contender.tiles]
        timed = [gemm.timed, *(tile for group in groups for tile in group.values())]
        timed += [*(each.timed for each in files), *starts.values(), *training.values()]
        run_rounds(timed, repeats, progress)
    return Benchmark(
        describe(),
        gemm.macs / gemm.timed.seconds / 1e9,
        repeats,
        [_network_row(each, networks[0], gemm) for each in networks],
        [_files_row(each) for each in files],
        [StartRow(*key, each.seconds) for key, each in starts.items()],
        [TrainingRow(*key, 1000 * each.seconds) for key, each in training.items()],
    )


def _files(
    own: Sequence[Contender],
    works: Sequence[Workload],
    folder: Path,
    scene: Scene,
    tiles: Sequence[int],
    device: str,
    peaks: bool,
) -> Iterator[_Files]:
    """Every model on every workload, whose files are written into a folder of its own."""
    shown = scene(max(tiles), max(tiles))
    for number, work in enumerate(works):
        paths, results = work.write(folder / f"in-{number}", scene), folder / f"out-{number}"
        for each in own:
            options = _options(each, device)
            timed = Timed(f"{each}, {work}", partial(_restore, paths, results, options))
            peak = processes.peak_bytes(_arguments(paths, results, options)) if peaks else None
            alone = each.tiles
            if each.context_channels:
                alone = each.tiles_of(shown, tiles, whole=scene(*work.size))
            yield _Files(each, alone, work, timed, peak)


def _restore(paths: Sequence[Path], results: Path, options: dict[str, Any]) -> float:
    """Seconds from the first file to the last."""
    profile = Profile()
    for result in restore_files(paths, results, profile=profile, **options):
        if result.error:
            raise OSRError(result.error)
    return profile.total


def _options(contender: Contender, device: str) -> dict[str, Any]:
    return {
        "model": contender.name,
        "backend": contender.backend,
        "precision": contender.precision,
        "device": device,
    }


def _arguments(paths: Sequence[Path], results: Path, options: dict[str, Any]) -> list[str]:
    given = [text for name, value in options.items() for text in (f"--{name}", value)]
    return [*map(str, paths), "-o", f"{results}/", *given]


def _starts(
    own: Sequence[Contender], folder: Path, device: str
) -> Iterator[tuple[tuple[str, str], Timed]]:
    """A process that restores one small file, of each model and backend."""
    paths = _SMALL.write(folder / "in-small", synthetic)
    for name, backend in dict.fromkeys((each.name, each.backend) for each in own):
        options = {"model": name, "backend": backend, "device": device}
        arguments = _arguments(paths, folder / "out-small", options)
        label = f"{name}, {backend}, start"
        yield (name, backend), Timed(label, stopwatch(partial(processes.restore, arguments)))


def _training(
    names: Sequence[str], backends: Sequence[str], device: str
) -> Iterator[tuple[tuple[str, str], Timed]]:
    """A step on a batch, of each model and backend that trains; the first is not measured."""
    inputs = np.random.default_rng(0).random((BATCH, 3, CROP, CROP), np.float32)
    for name in names:
        spec = Checkpoint.load(name).spec
        for backend in (each for each in backends if each in FRAMEWORKS):
            module = get_backend(backend)
            trainer = module.Trainer(module.build(spec, device=device), TrainerOptions())
            step = partial(trainer.step, inputs, 1 - inputs, 1e-4)
            step()
            yield (name, backend), Timed(f"{name}, {backend}, training", stopwatch(step))


def _network_row(each: Contender, first: Contender, gemm: Gemm) -> NetworkRow:
    side, other = each.tiles.best, first.tiles.best
    tile, reference = each.tiles[side], first.tiles[other]
    share = None
    if each.macs is not None:
        share = each.macs * side**2 / gemm.macs * gemm.timed.ratio(tile)
    return NetworkRow(
        each.name,
        each.backend,
        each.precision,
        {side: 1000 * timed.seconds for side, timed in each.tiles.items()},
        side,
        1e6 * tile.seconds / side**2,
        tile.ratio(reference) * other**2 / side**2,
        share,
    )


def _files_row(each: _Files) -> FilesRow:
    network, pixels, side = each.contender, each.work.pixels, each.alone.best
    return FilesRow(
        str(each.work),
        each.work.count,
        pixels / 1e6,
        network.name,
        network.backend,
        network.precision,
        each.timed.seconds,
        1e6 * each.timed.seconds / pixels,
        each.timed.ratio(each.alone[side]) * side**2 / pixels,
        each.peak,
    )
