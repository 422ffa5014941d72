"""``osr convert``: convert weight files."""

from __future__ import annotations

from typing import Any

import click

from osr.cli import options
from osr.cli.output import print_json
from osr_core.analysis import analyse
from weights.convert import TOLERANCE, Conversion
from weights.convert import convert as convert_file
from weights.vgg import convert_vgg


@click.command()
@click.argument("source", shell_complete=options.complete_model)
@click.argument("target", shell_complete=options.complete_path)
@click.option("--spec", help="JSON file, weight file or model that carries the spec of SOURCE.")
@click.option("--key", help="Where in SOURCE the weights are.  [default: moving averages first]")
@click.option("--verify", is_flag=True, help="Load both files and compare their outputs.")
@click.option("--vgg", is_flag=True, help="SOURCE is VGG16, for the perceptual loss.")
@options.model_limit
@options.json
def convert(
    source: str,
    target: str,
    spec: str | None,
    key: str | None,
    verify: bool,
    vgg: bool,
    as_json: bool,
) -> int:
    """Write the weights of SOURCE into TARGET: .safetensors, .pth, .pt or .ckpt.

    SOURCE is a registered name or a weight file, also one of GridDehazeNet or of the authors'
    public baseline. Exit status 1 if the verification finds a difference.
    """
    if vgg:
        convert_vgg(source, target)
        _print({"target": target}, ["VGG16 up to relu3_3, for the perceptual loss"], as_json)
        return 0
    done = convert_file(source, target, spec=spec, key=key, verify=verify)
    known = done.checkpoint.spec
    data = {
        "target": target,
        "backbone": known.backbone.kind,
        "parameters": analyse(known).parameter_count,
        "key": done.key,
        "other_keys": done.others,
    }
    if verify:
        data |= {"identical": done.identical, "differences": dict(done.differences)}
    _print(data, _lines(done), as_json)
    return 0 if done.passed else 1


def _lines(done: Conversion) -> list[str]:
    known = done.checkpoint.spec
    taken = f", from {done.key}" if done.key else ""
    others = f" (also there: {', '.join(done.others)}; see --key)" if done.others else ""
    count = analyse(known).parameter_count
    lines = [f"{known.backbone.kind}, {count:,} parameters{taken}{others}"]
    for engine, difference in done.differences.items():
        verdict = "ok" if difference <= TOLERANCE else "DIFFERS"
        lines.append(f"{engine:<10} largest difference {difference:.1e}  {verdict}")
    if done.differences:
        lines.append(f"weights {'bit-identical' if done.identical else 'DIFFER'}")
    return lines


def _print(data: dict[str, Any], lines: list[str], as_json: bool) -> None:
    if as_json:
        print_json(data)
    elif not options.quiet():
        click.echo(f"{data['target']}: " + "\n".join(lines))
