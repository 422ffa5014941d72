"""``osr data``: list the data sets that have a name, and verify a copy of one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from osr.cli import options
from osr.cli.output import print_json, progress_bar, table
from osr.datasets import DataSet, Report, catalogue, check, find

_SHOWN = 10  # errors of a split that are printed; --json gives all


@click.group()
def data() -> None:
    """List known data sets with download links, and verify local copies."""


@data.command("list")
@click.argument("name", required=False)
@click.option("--names", is_flag=True, help="One line per data set.")
@options.json
def list_sets(name: str | None, names: bool, as_json: bool) -> None:
    """Show where to download data sets, their size, terms of use and folder layouts.

    Layouts name files without suffixes: "hazy/{id}_{haze} -> gt/{id}" are degraded images and the
    ground truth of each, {…} stands for any text. Leading folders may be left out. Layouts such as
    input/ + gt/ within train/ or test/ are known for every set.
    """
    sets = [find(name)] if name else list(catalogue().values())
    if as_json:
        described = [_describe(one) for one in sets]
        print_json(described[0] if name else described)
    elif names:
        click.echo(table((one.name, one.title) for one in sets))
    else:
        click.echo("\n\n".join(f"{one.name}\n{table(_rows(one))}" for one in sets))


@data.command("check")
@click.argument("name")
@click.argument("path", required=False)
@click.option("--sample", type=int, help="Read at most N images per split.", metavar="N")
@options.json
def check_set(name: str, path: str | None, sample: int | None, as_json: bool) -> int:
    """Verify the copy of data set NAME in the folder PATH.

    Checks counts, pairs, sizes and readability, and compares the mean PSNR of the inputs with the
    published figure. Exit status 1 if there are errors; an incomplete set is a warning.
    """
    with progress_bar(hidden=as_json) as show:
        report = check(name, path, sample, lambda done, total: show(done, total, name))
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        click.echo("\n".join(_lines(report)))
    return 0 if report.ok else 1


def _describe(one: DataSet) -> dict[str, Any]:
    return {
        **{key: value for key, value in asdict(one).items() if key not in ("channel", "crop")},
        "layouts": {split: list(one.documented_layouts(split)) for split in one.splits},
        "protocol": str(one.protocol),
    }


def _rows(one: DataSet) -> list[tuple[str, str]]:
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
    return [(f"  {key}", value) for key, value in rows]


def _lines(report: Report) -> list[str]:
    lines = []
    for split in report.splits:
        of = f" of {split.expected}" if split.expected is not None else ""
        line = f"{report.name} {split.split}: {split.images}{of} images, {split.read} read"
        if split.psnr is not None:
            known = f" (published {split.published:.2f})" if split.published is not None else ""
            line += f", mean input PSNR {split.psnr:.2f} dB{known} [{report.protocol}]"
        errors = list(split.errors[:_SHOWN])
        if len(split.errors) > _SHOWN:
            errors.append(f"and {len(split.errors) - _SHOWN} more")
        lines += [line, f"  layout: {split.layout}"]
        lines += [f"  warning: {warning}" for warning in split.warnings]
        lines += [f"  error: {error}" for error in errors]
    lines += [f"{report.name} {name}: not found" for name in report.missing]
    return [*lines, "OK" if report.ok else "FAILED"]
