"""``osr inspect``: amplitude, phase, real and imaginary part and the gates, as one picture."""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np

from osr.images import Picture, read, to_rgb8, write
from osr.inspection import DEFAULT_SIZE, draw, save_pictures
from osr.inspection import inspect as inspect_image
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ModelError
from osr_core.registry import default_model, find_weights


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--model", help="Registered name or .safetensors file.  [default: the first model]")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path),
    help="File for the labelled sheet, or a folder for one PNG per quantity.",
)  # fmt: skip
@click.option(
    "--size", default=DEFAULT_SIZE, show_default=True,
    help="Longest side of the middle of the image that is looked at, in pixels.",
)  # fmt: skip
def inspect(image: Path, model: str | None, output: Path, size: int) -> None:
    """Show what a reprogrammed model, or one of experts, makes of IMAGE.

    Amplitude, phase, real and imaginary part of the waves that enter the network, and the gates
    that say where the result comes from: the image itself, or what was restored.
    """
    name = model or default_model()
    checkpoint = Checkpoint.load(find_weights(name))
    pixels = to_rgb8(read(image).pixels) / np.float32(255)
    started = time.perf_counter()
    try:
        inspection = inspect_image(pixels.astype(np.float32), checkpoint, size)
    except ModelError as error:
        raise ModelError(f"model {name}: {error}") from None
    if output.suffix:
        write(output, Picture(draw(inspection, f"{image.name}, as {name} sees it")))
    else:
        save_pictures(inspection, output)
    height, width = inspection.image.shape[:2]
    part = "" if (height, width) == pixels.shape[:2] else f" (the middle {width}×{height})"
    click.echo(f"{image}{part}: {time.perf_counter() - started:.1f} s ({name}) → {output}")
