"""Degrade image files: test sets and demonstrations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from osr.datasets import Item
from osr.degradations.chain import Chain
from osr.degradations.depth import Depth
from osr.images import Picture, read, to_float, to_levels, to_rgb8, writable, write
from osr.jobs import PathLike, Progress, plan, run_jobs
from osr.stages import Job, Result
from osr_core.checks import Image, check_range
from osr_core.errors import ImageError, OptionError


def degrade_files(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    degradation: str | Chain,
    *,
    seed: int = 0,
    pairs: bool = False,
    recursive: bool = False,
    format: str | None = "png",
    depth: PathLike | None = None,
    max_pixels: int | None = None,
    pages: bool = False,
    progress: Progress | None = None,
) -> list[Result]:
    """Degrade image files and write the results, 8-bit RGB, under the names of their inputs.

    What is random depends on the seed and the position of the image among the inputs. Inputs that
    cannot be degraded have an error in their result; the others are still degraded.

    Args:
        inputs: files, folders and glob patterns; see :func:`osr.jobs.plan`.
        output: a folder, or for a single image also a file.
        degradation: a chain such as ``noise:25+jpeg:90``; see :class:`~osr.degradations.Chain`.
        seed: of what is random, 0 or more.
        pairs: write ``input/`` and ``gt/`` into ``output``: the data set ``pairs`` of
            :func:`osr.evaluate`.
        recursive: include subfolders of input folders, and keep them in the output.
        format: of the results, e.g. ``jpg``; ``None``: that of each input.
        depth: folder of depth maps for haze, named as the images, ``.npy`` or grey images; larger
            is farther.
        max_pixels: see :func:`osr.images.read`.
        pages: of files of several pages or frames all, not only the first; see
            :func:`osr.jobs.plan`.
        progress: called with the number of images done, their total, and the current one.

    Returns:
        A result for each input, failed, skipped or degraded.

    Raises:
        OSRError: if the options are invalid.

    >>> import osr  # doctest: +SKIP
    >>> osr.degrade_files("photos/", "noisy/", "noise:25+jpeg:90", pairs=True)  # doctest: +SKIP
    """
    check_range("seed", seed, 0)
    chain = Chain.parse(degradation) if isinstance(degradation, str) else degradation
    maps = None if depth is None else _depth_maps(Path(depth))

    def rename(place: Path) -> tuple[Path, ...]:
        name = writable(place, format)
        if pairs:
            return Path("input", name), Path("gt", place.with_suffix(".png"))
        return (name,)

    def load(job: Job) -> Picture:
        return read(job.source, max_pixels, job.page)

    def work(job: Job, picture: Picture, advance: Callable[[float], object]) -> Iterator[Image]:
        clean = to_float(to_rgb8(picture.pixels))
        rng = np.random.default_rng([seed, job.index])
        both = chain(clean, rng, None if maps is None else _depth(job.source, maps))
        yield from both[: len(job.targets)]

    def save(job: Job, picture: Picture, images: Iterator[Image]) -> Result:
        for target, image in zip(job.targets, images, strict=True):
            write(target, replace(picture, pixels=to_levels(image)))
        height, width = picture.pixels.shape[:2]
        return Result(str(job.source), str(job.targets[0]), width, height, note=picture.note)

    results, jobs = plan(inputs, output, rename, recursive, pages)
    return results + run_jobs(jobs, load, work, save, progress)


def _depth_maps(folder: Path) -> dict[str, Path]:
    """Stem → file."""
    if not os.path.isdir(folder):
        raise OptionError(f"--depth {folder}: no such folder")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.is_file()}


def _depth(source: Path, maps: dict[str, Path]) -> Depth | None:
    if source.stem not in maps:
        raise ImageError(f"{source}: --depth has no map of that name")
    return Item(source.stem, source, depth=maps[source.stem]).load_depth()
