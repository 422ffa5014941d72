"""Options that several commands share."""

from __future__ import annotations

import click

from osr_core.backend import BACKENDS, PRECISIONS, VARIABLE


class Overlap(click.ParamType[int | str]):
    """``auto``, ``exact`` or a number of pixels."""

    name = "auto|exact|N"

    def convert(
        self, value: int | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Numbers become such."""
        if isinstance(value, int) or value in ("auto", "exact"):
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is not auto, exact or a number of pixels", param, ctx)


inputs = click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
output = click.option(
    "-o", "--output", required=True, help="Output folder, or a file for a single image."
)
recursive = click.option(
    "--recursive", is_flag=True, help="Include subfolders and keep them in the output."
)
backend = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help=f"Framework to use.  [default: {VARIABLE}, else the first one installed]",
)
device = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda[:i], ascend[:i]; "
    "with onnx also cann[:i], coreml, directml[:i], openvino.",
)
precision = click.option(
    "--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True
)
tile = click.option("--tile", type=int, help="Longest side of a tile in pixels; 0: no tiles.")
max_pixels = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    help="Largest width times height of an image.  [default: 400 million; above 16 million, "
    "250 for each byte of the file]",
)
overlap = click.option(
    "--overlap",
    type=Overlap(),
    default="auto",
    show_default=True,
    help="Of tiles: auto (measured, verified), exact (as the whole image), or pixels.",
)
memory = click.option(
    "--memory", help="What the process may take at most, such as 2GiB: chooses smaller tiles."
)
pages = click.option(
    "--pages",
    is_flag=True,
    help="All pages or frames of a file, numbered at the end of their names.  [default: the first]",
)
json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
