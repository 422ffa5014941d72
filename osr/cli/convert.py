"""``osr convert``: convert weight files."""

from __future__ import annotations

import click

from osr_core.analysis import analyse
from weights.convert import TOLERANCE
from weights.convert import convert as convert_file
from weights.vgg import convert_vgg


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("--spec", help="JSON file, weight file or model that carries the spec of SOURCE.")
@click.option("--key", help="Where in SOURCE the weights are.  [default: moving averages first]")
@click.option("--verify", is_flag=True, help="Load both files and compare their outputs.")
@click.option("--vgg", is_flag=True, help="SOURCE is VGG16, for the perceptual loss.")
def convert(
    source: str, target: str, spec: str | None, key: str | None, verify: bool, vgg: bool
) -> int:
    """Write the weights of SOURCE into TARGET: .safetensors, .pth, .pt or .ckpt.

    SOURCE is a registered name or a weight file, also one of GridDehazeNet or of the authors'
    public baseline. Exit status 1 if the verification finds a difference.
    """
    if vgg:
        convert_vgg(source, target)
        click.echo(f"{target}: VGG16 up to relu3_3, for the perceptual loss")
        return 0
    done = convert_file(source, target, spec=spec, key=key, verify=verify)
    count = analyse(done.checkpoint.spec).parameter_count
    taken = f", from {done.key}" if done.key else ""
    others = f" (also there: {', '.join(done.others)}; see --key)" if done.others else ""
    kind = done.checkpoint.spec.backbone.kind
    click.echo(f"{target}: {kind}, {count:,} parameters{taken}{others}")
    for engine, difference in done.differences.items():
        verdict = "ok" if difference <= TOLERANCE else "DIFFERS"
        click.echo(f"{engine:<10} largest difference {difference:.1e}  {verdict}")
    if verify:
        click.echo(f"weights {'bit-identical' if done.identical else 'DIFFER'}")
    return 0 if done.passed else 1
