"""``osr models``: list the published models."""

from __future__ import annotations

import json

import click

from osr.cli import json_option
from osr_core.registry import registry


@click.command()
@json_option
def models(as_json: bool) -> None:
    """List the models that come with the package, the default first."""
    entries = [
        {
            "name": entry.name,
            "summary": entry.summary,
            "megabytes": round(entry.path.stat().st_size / 1e6, 1),
            "licence": entry.licence,
            "sha256": entry.sha256,
            "path": str(entry.path),
        }
        for entry in registry().values()
    ]
    if as_json:
        click.echo(json.dumps(entries))
        return
    width = max(len(name) for name in registry())
    for entry in entries:
        click.echo(f"{entry['name']:<{width}} {entry['megabytes']:>5} MB  {entry['summary']}")
