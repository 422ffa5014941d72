"""``osr models``: list the published models."""

from __future__ import annotations

import click

from osr.cli import options
from osr.cli.output import print_json, table
from osr_core.registry import registry


@click.command()
@options.json
def models(as_json: bool) -> None:
    """List the models that come with the package, the default first."""
    entries = list(registry().values())
    sizes = [round(entry.path.stat().st_size / 1e6, 1) for entry in entries]
    if as_json:
        print_json([
            {"name": entry.name, "summary": entry.summary, "megabytes": size,
             "licence": entry.licence, "sha256": entry.sha256, "path": str(entry.path)}
            for entry, size in zip(entries, sizes, strict=True)
        ])  # fmt: skip
    else:
        rows = zip(entries, sizes, strict=True)
        click.echo(table([(entry.name, f"{size} MB", entry.summary) for entry, size in rows]))
