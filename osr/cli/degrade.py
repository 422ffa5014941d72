"""``osr degrade``: clear photographs in, degraded ones out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from osr.cli.reporting import progress_bar, report
from osr.datasets import Item
from osr.degradations.levels import NAMES, Degradation
from osr.images import SUFFIXES, Picture, read, to_rgb8, writable, write
from osr.jobs import Job, Result, plan, run_jobs
from osr_core.errors import ImageError, OptionError

FORMATS = ("png", "same", *sorted(suffix[1:] for suffix in SUFFIXES - {".png"}))


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path),
    help="Folder for the results, or for a single input also a file.",
)  # fmt: skip
@click.option(
    "--degradation", "degradations", multiple=True, required=True, metavar="KIND:LEVEL[,NAME=VALUE...]",
    help=f"What to do; several are done in their order. Kinds: {', '.join(NAMES)}.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--pairs", is_flag=True,
    help="Write input/ and gt/ into OUTPUT: a test set, named `pairs` in `osr evaluate`.",
)  # fmt: skip
@click.option("--format", "suffix", type=click.Choice(FORMATS), default="png", show_default=True)
@click.option(
    "--depth", type=click.Path(path_type=Path),
    help="Folder of depth maps for haze: as the images, but .npy or grey; larger is farther.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def degrade(
    inputs: tuple[str, ...],
    output: Path,
    degradations: tuple[str, ...],
    seed: int,
    pairs: bool,
    suffix: str,
    depth: Path | None,
    as_json: bool,
) -> int:
    """Degradation INPUTs: image files, folders of images, or quoted globs.

    Results are 8-bit RGB, clipped, under the names of their inputs. Degradation is drawn from the seed
    and the place of the image among the inputs, so the same command makes the same files. An input
    that fails is named, the others are still done, and the exit status is 2.

    \b
    osr degrade photographs/ --degradation noise:25 -o noisy/
    osr degrade photographs/ --degradation haze:1.2 --degradation jpeg:40 --pairs -o test-set/
    """
    chain = [Degradation.parse(text) for text in degradations]

    def rename(place: Path) -> tuple[Path, ...]:
        name = writable(place, None if suffix == "same" else suffix)
        if pairs:
            return Path("input", name), Path("gt", place.with_suffix(".png"))
        return (name,)

    maps = _depth_maps(depth) if depth else None
    results, jobs = plan(inputs, output, rename)
    with progress_bar(quiet=as_json) as progress:
        results += run_jobs(jobs, lambda job, _: _one(job, chain, seed, maps), progress)
    setting = {"degradation": "+".join(map(str, chain)), "seed": seed, "output": str(output)}
    return report(results, "degraded", as_json, **setting)


def _one(job: Job, chain: Sequence[Degradation], seed: int, maps: dict[str, Path] | None) -> Result:
    source, (target, *truth) = job.source, job.targets
    picture = read(source)
    clear = to_rgb8(picture.pixels)
    rng = np.random.default_rng([seed, job.index])
    degraded = clear.astype(np.float32) / np.float32(255)
    distance = None if maps is None else _distance(source, maps)
    for each in chain:
        degraded = each.apply(degraded, rng, distance)
    pixels = np.rint(degraded.clip(0.0, 1.0) * np.float32(255)).astype(np.uint8)
    write(target, Picture(pixels, picture.icc, picture.exif))
    for path in truth:
        write(path, Picture(np.ascontiguousarray(clear), picture.icc, picture.exif))
    height, width = clear.shape[:2]
    return Result(str(source), str(target), width, height)


def _depth_maps(folder: Path) -> dict[str, Path]:
    """Stem → file.

    Raises:
        OptionError: if there is no such folder.
    """
    if not folder.is_dir():
        raise OptionError(f"--depth {folder}: no such folder")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.is_file()}


def _distance(source: Path, maps: dict[str, Path]) -> NDArray[np.float32] | None:
    if source.stem not in maps:
        raise ImageError(f"{source}: --depth has no map of that name")
    return Item(source.stem, source, depth=maps[source.stem]).load_depth()
