"""``osr restore``: degraded photographs in, better ones out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click
from tqdm import tqdm

from osr.cli import backend_option, fail, use_backend
from osr.cli.jobs import Result, gather, is_file_target, make_folders, named, plan
from osr.images import Picture, can_hold, read, write
from osr_core.backend import PRECISIONS, Network
from osr_core.errors import ImageError, OSRError
from osr_core.registry import default_model
from osr_core.restoration import restore as restore_image


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path),
    help="Folder for the results, or for a single input also a file.",
)  # fmt: skip
@click.option("--model", help="Registered name or .safetensors file.  [default: the first model]")
@backend_option
@click.option("--device", default="auto", show_default=True, help="cpu, cuda[:i] or ascend[:i].")
@click.option("--tile", type=int, help="Largest side of a window in pixels; 0: whole images.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def restore(
    inputs: tuple[str, ...],
    output: Path,
    model: str | None,
    backend: str | None,
    device: str,
    tile: int | None,
    precision: str,
    as_json: bool,
) -> int:
    """Restore INPUTs: image files, folders of images, or quoted globs.

    Results keep the names, sizes, bit depths and metadata of their inputs. An input that fails is
    named, the others are still done, and the exit status is 2.
    """
    results, sources = gather(inputs)
    to_file = is_file_target(sources, output)
    failures, jobs = plan(sources, lambda path: (output if to_file else output / path.name,))
    results += failures
    name = model or default_model()
    backends = use_backend(backend)
    network = backends.load(name, device, precision)
    make_folders(jobs)
    with tqdm(total=len(jobs), unit="image", disable=as_json or None, delay=0.5) as bar:
        for job in jobs:
            bar.set_description(job.source.name)
            results.append(_one(job.source, job.targets[0], network, tile, bar.update))
    for result in results:
        if result.error is not None:
            fail(result.error)
    _report(results, as_json, model=name, backend=backends.name, device=device, output=str(output))
    return 2 if any(result.error for result in results) else 0


def _one(
    source: Path,
    target: Path,
    network: Network,
    tile: int | None,
    on_progress: Callable[[float], object],
) -> Result:
    started = time.perf_counter()
    done = 0.0

    def progress(share: float) -> None:
        nonlocal done
        done += share
        on_progress(share)

    try:
        picture = read(source)
        if not can_hold(target.suffix, picture.pixels):
            raise ImageError(f"{target}: cannot hold what {source.name} holds; use .png or .tiff")
        pixels = restore_image(picture.pixels, network, tile, progress)
        write(target, Picture(pixels, picture.icc, picture.exif))
    except OSRError as error:
        on_progress(1 - done)
        return Result(str(source), error=named(source, error))
    height, width = pixels.shape[:2]
    seconds = round(time.perf_counter() - started, 3)
    return Result(str(source), str(target), width, height, seconds)


def _report(results: list[Result], as_json: bool, **setting: str) -> None:
    done = [result for result in results if result.error is None]
    failed = len(results) - len(done)
    if as_json:
        summary = {"restored": len(done), "failed": failed}
        click.echo(json.dumps({**setting, **summary, "files": [asdict(r) for r in results]}))
        return
    seconds = sum(result.seconds or 0 for result in done)
    pixels = sum((result.width or 0) * (result.height or 0) for result in done)
    speed = f", {pixels / 1e6 / seconds:.2f} megapixels/s" if seconds else ""
    where = f" → {done[0].output if len(done) == 1 else setting['output']}" if done else ""
    click.echo(
        f"{len(done)} restored, {failed} failed, {seconds:.1f} s{speed} "
        f"({setting['model']}, {setting['backend']}){where}"
    )
