"""``osr models``: list the published models."""

from __future__ import annotations

from dataclasses import asdict

import click

from osr.cli import options
from osr.cli.output import print_json, table
from osr_core.registry import registry


@click.command()
@options.json
def models(as_json: bool) -> None:
    """List the models that come with the package, the default first."""
    sized = [(e, round(e.path.stat().st_size / 1e6, 1)) for e in registry().values()]
    if as_json:
        print_json([{**asdict(e), "path": str(e.path), "megabytes": size} for e, size in sized])
    else:
        click.echo(table((e.name, f"{size} MB", e.summary) for e, size in sized))
