"""``osr restore``: restore image files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from osr.cli import options
from osr.cli.output import progress_bar, report
from osr.images import SUFFIXES
from osr.jobs import Progress
from osr.pipeline import restore_files
from osr.stages import Profile, Result
from osr_core.backend import PRECISIONS, pick_backend
from osr_core.errors import OptionError
from osr_core.registry import default_model

FORMATS = sorted(suffix[1:] for suffix in SUFFIXES)


@click.command()
@options.inputs
@options.output
@click.option(
    "--model", help=f"Registered name, weight file or run folder.  [default: {default_model()}]",
    shell_complete=options.complete_model,
)
@options.backend
@options.device
@click.option("--precision", type=click.Choice([*PRECISIONS, "auto"]), default="float32",
              show_default=True,
              help="auto: bfloat16 where it is fast and costs little.")  # fmt: skip
@options.tile
@options.overlap
@options.memory
@options.recursive
@click.option("--format", type=click.Choice(FORMATS), help="Output format.  [default: the input's]")
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True,
              help="For JPEG and WebP.")  # fmt: skip
@options.max_pixels
@options.pages
@click.option("--resume", is_flag=True,
              help="Skip inputs whose results are there, whole and no older.")  # fmt: skip
@click.option("--profile", is_flag=True, help="Print the seconds of each stage.")
@click.option("--ray", metavar="[ADDRESS]", is_flag=False, flag_value="", help="Restore INPUT, a "
              "folder or an address such as s3://bucket/in, on a Ray cluster: auto, HOST:PORT, or "
              "local.  [default: RAY_ADDRESS, else local]")  # fmt: skip
@click.option("--ray-workers", type=click.IntRange(min=1), metavar="N",
              help="Networks of --ray.  [default: one a GPU, else one a machine]")  # fmt: skip
@options.model_limit
@options.json
def restore(
    inputs: tuple[str, ...],
    output: str,
    profile: bool,
    ray: str | None,
    ray_workers: int | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Restore INPUTs: image and video files, folders of images, or quoted globs.

    Results keep the names, sizes, bit depths and metadata of their inputs. Unreadable inputs are
    reported; the remaining inputs are still processed, and the exit status is 2.

    \b
    osr restore photo.jpg -o better.jpg
    osr restore photos/ 'scans/*.tiff' -o restored --model osr-denoise --resume
    osr restore clip.mp4 -o out.mp4
    osr restore s3://bucket/in -o s3://bucket/out --ray head:6379
    """
    options["model"] = options["model"] or default_model()
    backend = options["backend"] or pick_backend()
    setting = {"model": options["model"], "backend": backend, "device": options["device"]}
    times = Profile()
    with progress_bar(hidden=as_json) as progress:
        if ray is None:
            results = restore_files(inputs, output, **options, progress=progress, profile=times)
        else:
            results = _on_ray(inputs, output, ray, ray_workers, progress, profile, options)
    if profile:
        shown = {stage: round(seconds, 3) for stage, seconds in asdict(times).items()}
        click.echo(", ".join(f"{stage} {seconds} s" for stage, seconds in shown.items()), err=True)
    return report(results, "restored", as_json, **setting, output=output)


def _on_ray(
    inputs: tuple[str, ...],
    output: str,
    address: str,
    workers: int | None,
    progress: Progress,
    profile: bool,
    options: dict[str, Any],
) -> list[Result]:
    from osr.cluster.restoration import restore_on_ray

    for name in ("recursive", "resume"):  # as it always is
        options.pop(name)
    if len(inputs) != 1 or options.pop("pages") or profile:
        raise OptionError("--ray takes one INPUT, a folder or an address, no --pages or --profile")
    return restore_on_ray(
        inputs[0], output, address, workers=workers, progress=progress, **options
    )
