"""``osr inspect``: amplitude, phase, real and imaginary part and the gates, as one picture."""

from __future__ import annotations

from pathlib import Path

import click

from osr.cli import options
from osr.cli.output import print_json
from osr.inspection import DEFAULT_SIZE
from osr.inspection import inspect as run_inspection


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--model", help="Registered name, weight file or run folder.  [default: osr-general]",
              shell_complete=options.complete_model)  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path),
              help="File for a contact sheet, or a folder for one PNG per quantity.")  # fmt: skip
@click.option("--size", default=DEFAULT_SIZE, show_default=True,
              help="Size of the centre crop to inspect, in pixels.")  # fmt: skip
@options.max_pixels
@options.model_limit
@options.json
def inspect(
    image: Path, model: str | None, output: Path, size: int, max_pixels: int | None, as_json: bool
) -> None:
    """Show what a reprogrammed model, or a mixture of experts, computes from IMAGE.

    Amplitude, phase, real and imaginary part of the waves that enter the network, and the gates
    that select for each pixel between the image itself and its restoration; of a mixture, the
    weight of each expert.
    """
    height, width = run_inspection(image, model, output, size, max_pixels).image.shape[:2]
    if as_json:
        made = {"input": str(image), "output": str(output), "width": width, "height": height}
        print_json(made)
    elif not options.quiet():
        click.echo(f"{image}, {width}×{height} pixels → {output}")
