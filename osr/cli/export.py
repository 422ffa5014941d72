"""``osr export``: networks for other programs."""

from __future__ import annotations

from dataclasses import asdict

import click

from osr.cli import options
from osr.cli.output import print_json
from weights.export import FORMATS
from weights.export import export as export_model


@click.command()
@click.argument("model", shell_complete=options.complete_model)
@click.option("-o", "--output", help="File to write.  [default: the model's name]")
@click.option("--to", type=click.Choice(list(FORMATS)),
              help="Format.  [default: that of the output's suffix, else onnx]")  # fmt: skip
@options.model_limit
@options.json
def export(model: str, output: str | None, to: str | None, as_json: bool) -> None:
    """Write MODEL as a file that other programs run: .onnx, .pt2 (torch.export), .mindir or
    .dtmodel (darktable's AI denoise task).

    MODEL is a registered name, a .safetensors file or a run folder. The file is run and compared
    with the NumPy reference before it takes its place.
    """
    done = export_model(model, output, to=to)
    if as_json:
        print_json(asdict(done))
        return
    stride = done.total_stride
    size = f"height and width multiples of {stride}" if stride > 1 else "any height and width"
    click.echo(
        f"{done.output}: inputs {', '.join(done.inputs)}; {size}; "
        f"largest difference from the reference {done.difference:.1e}"
    )
