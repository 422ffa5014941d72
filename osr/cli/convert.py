"""``osr convert``: weight files of one format into another."""

from __future__ import annotations

import click

from osr_core.analysis import analyse
from weights.convert import convert as convert_file
from weights.convert import convert_vgg, find_spec, verify


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("--spec", help="JSON file, .safetensors file or model that says what SOURCE is.")
@click.option("--verify", "check", is_flag=True, help="Load both files and compare outputs.")
def convert(source: str, target: str, spec: str | None, check: bool) -> int:
    """Write the weights of SOURCE into TARGET: .safetensors, .pth, .pt or .ckpt."""
    given = find_spec(spec) if spec else None
    if given is None and convert_vgg(source, target):  # compares by itself, --verify or not
        click.echo(f"{target}: VGG16 up to relu3_3, for the perceptual loss")
        return 0
    checkpoint = convert_file(source, target, given)
    count = analyse(checkpoint.spec).parameter_count
    click.echo(f"{target}: {checkpoint.spec.backbone.kind}, {count:,} parameters")
    if not check:
        return 0
    rows = verify(source, target, given or checkpoint.spec)
    for row in rows:
        verdict = "ok" if row.passed else "DIFFERS"
        click.echo(f"{row.engine:<10} largest difference {row.difference:.1e}  {verdict}")
    click.echo(f"weights {'equal' if rows[0].bits_equal else 'DIFFER'} to the bit")
    return 0 if rows[0].bits_equal and all(row.passed for row in rows) else 1
