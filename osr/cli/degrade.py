"""``osr degrade``: clear photographs in, degraded ones out."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from osr.cli import fail
from osr.cli.jobs import Job, Result, gather, is_file_target, make_folders, named, plan
from osr.datasets import Item
from osr.degradations.levels import NAMES, Degradation
from osr.images import SUFFIXES, Picture, read, to_rgb8, write
from osr_core.errors import ImageError, OptionError, OSRError

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
    results, sources = gather(inputs)
    to_file = not pairs and is_file_target(sources, output)

    def targets(source: Path) -> tuple[Path, ...]:
        name = source.name if suffix == "same" else f"{source.stem}.{suffix}"
        if pairs:
            return output / "input" / name, output / "gt" / f"{source.stem}.png"
        return (output if to_file else output / name,)

    failures, jobs = plan(sources, targets)
    results += failures
    maps = _depth_maps(depth) if depth else None
    make_folders(jobs)
    with tqdm(total=len(jobs), unit="image", disable=as_json or None, delay=0.5) as bar:
        for job in jobs:
            bar.set_description(job.source.name)
            results.append(_one(job, chain, seed, maps))
            bar.update()
    for result in results:
        if result.error is not None:
            fail(result.error)
    _report(results, as_json, degradation=[str(each) for each in chain], seed=seed, output=str(output))
    return 2 if any(result.error for result in results) else 0


def _one(job: Job, chain: Sequence[Degradation], seed: int, maps: dict[str, Path] | None) -> Result:
    started = time.perf_counter()
    source, (target, *truth) = job.source, job.targets
    try:
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
    except OSRError as error:
        return Result(str(source), error=named(source, error))
    height, width = clear.shape[:2]
    return Result(str(source), str(target), width, height, round(time.perf_counter() - started, 3))


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


def _report(
    results: list[Result], as_json: bool, degradation: list[str], seed: int, output: str
) -> None:
    done = [result for result in results if result.error is None]
    failed = len(results) - len(done)
    if as_json:
        setting = {"degradation": degradation, "seed": seed, "output": output}
        summary = {"degraded": len(done), "failed": failed}
        click.echo(json.dumps({**setting, **summary, "files": [asdict(r) for r in results]}))
        return
    where = f" → {done[0].output if len(done) == 1 else output}" if done else ""
    click.echo(f"{len(done)} degraded by {', '.join(degradation)}, {failed} failed{where}")
