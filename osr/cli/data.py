"""``osr data``: what data sets there are, and whether a folder really holds one."""

from __future__ import annotations

import json
from typing import Any

import click
from tqdm import tqdm

from osr.datasets import DataSet, Report, catalogue, check, find
from osr.datasets.checking import to_dict

_SHOWN = 10
"""Problems of a part that are printed; ``--json`` gives all."""


@click.group()
def data() -> None:
    """List the data sets that are known by name, and check copies of them."""


@data.command("list")
@click.argument("name", required=False)
@click.option("--names", is_flag=True, help="One line for each set.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_sets(name: str | None, names: bool, as_json: bool) -> None:
    """Say where to download the sets, how big they are, their terms and their layouts.

    Layouts name files without suffixes: "hazy/{id}_{haze} -> gt/{id}" are degraded images and the
    clear ones that belong to them, {…} any text. Leading folders may be left out. Layouts such as
    input/ + gt/ within train/ or test/ are known for every set.
    """
    sets = [find(name)] if name else list(catalogue().values())
    if as_json:
        described = [_describe(one) for one in sets]
        click.echo(json.dumps(described[0] if name else described))
        return
    for index, one in enumerate(sets):
        if names:
            click.echo(f"{one.name:<13} {one.title}")
            continue
        click.echo("\n" * bool(index) + one.name)
        for key, value in _lines(one):
            click.echo(f"  {key:<10} {value}")


@data.command("check")
@click.argument("name")
@click.argument("path", required=False)
@click.option("--sample", type=int, help="Read at most so many images of each part.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check_set(name: str, path: str | None, sample: int | None, as_json: bool) -> int:
    """Check the copy of data set NAME in the folder PATH.

    Counts, pairs, sizes and readability, and the mean PSNR of its inputs against the published
    figure. Exit status 1 if something is wrong; a set that is not complete is only a warning.
    """
    with tqdm(unit="image", disable=as_json or None, delay=0.5, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = check(name, path, sample, progress)
    if as_json:
        click.echo(json.dumps(to_dict(report)))
    else:
        _print(report)
    return 0 if report.ok else 1


def _describe(one: DataSet) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "paired": one.paired,
        "degradation": one.degradation,
        "url": one.url,
        "size": one.size,
        "terms": one.terms,
        "images": dict(one.counts),
        "layouts": {part: list(one.described(part)) for part in one.parts},
        "protocol": str(one.convention),
        "input_psnr": one.psnr,
        "input_psnr_source": one.psnr_source,
        "note": one.note,
    }


def _lines(one: DataSet) -> list[tuple[str, str]]:
    counts = ", ".join(f"{count:,} {part}" for part, count in one.counts.items())
    lines = [
        ("what", one.title),
        ("download", one.url),
        ("images", counts or "any"),
        ("size", one.size),
        ("terms", one.terms),
    ]
    layouts: dict[str, list[str]] = {}
    for part in one.parts:
        for layout in one.described(part):
            layouts.setdefault(layout, []).append(part)
    for layout, parts in sorted(layouts.items(), key=lambda entry: len(entry[1])):
        which = "" if len(parts) == len(one.parts) else f"  ({parts[0]})"
        lines.append(("layout", layout + which))
    if one.psnr is not None:
        figure = f"{one.psnr:.2f} dB ({one.convention}), {one.psnr_source}"
        lines.append(("input PSNR", figure))
    return [*lines, ("note", one.note)] if one.note else lines


def _print(report: Report) -> None:
    for part in report.parts:
        of = f" of {part.expected}" if part.expected is not None else ""
        mean = f", mean input PSNR {part.psnr:.2f} dB" if part.psnr is not None else ""
        known = f" (published {part.published:.2f})" if part.published is not None else ""
        how = f" [{report.protocol}]" if mean else ""
        found = f"{part.images}{of} images, {part.read} read"
        click.echo(f"{report.name} {part.part}: {found}{mean}{known}{how}")
        click.echo(f"  layout: {part.layout}")
        for line in part.warnings:
            click.echo(f"  warning: {line}")
        for line in part.problems[:_SHOWN]:
            click.echo(f"  wrong: {line}")
        if len(part.problems) > _SHOWN:
            click.echo(f"  wrong: and {len(part.problems) - _SHOWN} more")
    for name in report.absent:
        click.echo(f"{report.name} {name}: not there")
    click.echo("something is wrong" if not report.ok else "all right")
