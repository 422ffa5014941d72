"""``osr models`` and ``osr info``: what is published, and what a weight file holds."""

from __future__ import annotations

import json
from typing import Any

import click

from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.registry import find_weights, registry


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def models(as_json: bool) -> None:
    """List the models that come with the package."""
    entries = [
        {
            "name": entry.name,
            "summary": entry.summary,
            "megabytes": round(entry.path.stat().st_size / 1e6, 1),
            "licence": entry.licence,
            "trained_on": list(entry.trained_on),
            "path": str(entry.path),
        }
        for entry in registry().values()
    ]
    if as_json:
        click.echo(json.dumps(entries))
        return
    for entry in entries:
        click.echo(f"{entry['name']:<16} {entry['megabytes']:>5} MB  {entry['summary']}")


@click.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def info(model: str, as_json: bool) -> None:
    """Say what MODEL is: a registered name or a .safetensors file.

    Models that it was made from are named; their own recipes are in the JSON.
    """
    data = _describe(model)
    if as_json:
        click.echo(json.dumps(data))
        return
    data["recipe"].pop("spec", None)  # as above
    for key, value in data.items():
        if isinstance(value, list):
            click.echo(f"{key}:")
            for item in value:
                click.echo(f"  {_line(item)}")
        else:
            click.echo(f"{key:<16} {_line(value)}")


def _describe(model: str) -> dict[str, Any]:
    path = find_weights(model)
    checkpoint = Checkpoint.load(path)
    known = analyse(checkpoint.spec)
    data: dict[str, Any] = {
        "model": model,
        "file": str(path),
        "kind": checkpoint.spec.kind,
        "backbone": checkpoint.spec.backbone.kind,
        "parameters": known.parameter_count,
        "macs_per_pixel": known.macs_per_pixel,
        "receptive_field": known.receptive_field,
        "size_multiple": known.size_multiple,
        "tiles": not known.global_statistics,
        "spec": checkpoint.spec.to_dict(),
        "recipe": dict(checkpoint.recipe),
        "provenance": dict(checkpoint.provenance),
    }
    entry = registry().get(model)
    if entry is not None:
        data["licence"] = entry.licence
        data["trained_on"] = list(entry.trained_on)
        data["figures"] = [dict(figure) for figure in entry.figures]
    return data


def _line(value: Any) -> str:
    if isinstance(value, dict) and "name" in value and "provenance" in value:
        return str(value["name"])  # a model that this one was made from
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "; ".join(_line(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_line(item)}" for key, item in value.items()) or "unknown"
    return str(value)
