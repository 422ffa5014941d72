"""``osr inspect``: amplitude, phase, real and imaginary part and the gates, as one picture."""

from __future__ import annotations

from pathlib import Path

import click

from osr.inspection import DEFAULT_SIZE
from osr.inspection import inspect as run_inspection


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--model", help="Registered name, weight file or run folder.  [default: osr-general]")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path),
              help="File for a contact sheet, or a folder for one PNG per quantity.")  # fmt: skip
@click.option("--size", default=DEFAULT_SIZE, show_default=True,
              help="Size of the centre crop to inspect, in pixels.")  # fmt: skip
def inspect(image: Path, model: str | None, output: Path, size: int) -> None:
    """Show what a reprogrammed model, or a mixture of experts, computes from IMAGE.

    Amplitude, phase, real and imaginary part of the waves that enter the network, and the gates
    that select for each pixel between the image itself and its restoration.
    """
    height, width = run_inspection(image, model, output, size).image.shape[:2]
    click.echo(f"{image}, {width}×{height} pixels → {output}")
