"""``osr data``: list the data sets that have a name, and verify a copy of one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from tqdm import tqdm

from osr.cli import json_option
from osr.datasets import DataSet, Report, catalogue, check, find

_SHOWN = 10
"""Errors of a split that are printed; ``--json`` gives all."""


@click.group()
def data() -> None:
    """List known data sets with download links, and verify local copies."""


@data.command("list")
@click.argument("name", required=False)
@click.option("--names", is_flag=True, help="One line per data set.")
@json_option
def list_sets(name: str | None, names: bool, as_json: bool) -> None:
    """Show where to download data sets, their size, terms of use and folder layouts.

    Layouts name files without suffixes: "hazy/{id}_{haze} -> gt/{id}" are degraded images and the
    ground truth of each, {…} stands for any text. Leading folders may be left out. Layouts such as
    input/ + gt/ within train/ or test/ are known for every set.
    """
    sets = [find(name)] if name else list(catalogue().values())
    if as_json:
        described = [_describe(one) for one in sets]
        click.echo(json.dumps(described[0] if name else described))
    elif names:
        click.echo("\n".join(f"{one.name:<13} {one.title}" for one in sets))
    else:
        click.echo("\n\n".join("\n".join(_lines(one)) for one in sets))


@data.command("check")
@click.argument("name")
@click.argument("path", required=False)
@click.option("--sample", type=int, help="Read at most N images per split.", metavar="N")
@json_option
def check_set(name: str, path: str | None, sample: int | None, as_json: bool) -> int:
    """Verify the copy of data set NAME in the folder PATH.

    Checks counts, pairs, sizes and readability, and compares the mean PSNR of the inputs with the
    published figure. Exit status 1 if there are errors; an incomplete set is a warning.
    """
    with tqdm(unit="image", disable=as_json or None, delay=0.5, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = check(name, path, sample, progress)
    if as_json:
        click.echo(json.dumps({"ok": report.ok, **asdict(report)}))
    else:
        _print(report)
    return 0 if report.ok else 1


def _describe(one: DataSet) -> dict[str, Any]:
    return {
        **{key: value for key, value in asdict(one).items() if key not in ("channel", "crop")},
        "layouts": {split: list(one.documented_layouts(split)) for split in one.splits},
        "protocol": str(one.protocol),
    }


def _lines(one: DataSet) -> list[str]:
    rows = [
        ("title", one.title),
        ("download", one.url),
        ("images", ", ".join(f"{n:,} {split}" for split, n in one.counts.items()) or "any"),
        ("size", one.size),
        ("terms", one.terms),
    ]
    by_split = {split: one.documented_layouts(split) for split in one.splits}
    shared = set.intersection(*map(set, by_split.values()))
    for split, layouts in by_split.items():
        rows += [("layout", f"{each}  ({split})") for each in layouts if each not in shared]
    rows += [("layout", each) for each in layouts if each in shared]
    if one.psnr is not None:
        rows.append(("input PSNR", f"{one.psnr:.2f} dB ({one.protocol}), {one.psnr_source}"))
    if one.note:
        rows.append(("note", one.note))
    return [one.name, *(f"  {key:<10} {value}" for key, value in rows)]


def _print(report: Report) -> None:
    for split in report.splits:
        of = f" of {split.expected}" if split.expected is not None else ""
        line = f"{report.name} {split.split}: {split.images}{of} images, {split.read} read"
        if split.psnr is not None:
            known = f" (published {split.published:.2f})" if split.published is not None else ""
            line += f", mean input PSNR {split.psnr:.2f} dB{known} [{report.protocol}]"
        click.echo(f"{line}\n  layout: {split.layout}")
        for warning in split.warnings:
            click.echo(f"  warning: {warning}")
        for error in split.errors[:_SHOWN]:
            click.echo(f"  error: {error}")
        if len(split.errors) > _SHOWN:
            click.echo(f"  error: and {len(split.errors) - _SHOWN} more")
    for name in report.missing:
        click.echo(f"{report.name} {name}: not found")
    click.echo("OK" if report.ok else "FAILED")
