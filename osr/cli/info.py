"""``osr info``: describe a model."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import click

from osr.cli import json_option
from osr.evaluation.seen import seen_degradation
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.registry import find_weights, registry


@click.command()
@click.argument("model")
@json_option
def info(model: str, as_json: bool) -> None:
    """Describe MODEL, a registered name, a .safetensors file or a run folder.

    --json adds the spec, the recipe and the provenance, with those of the models it started from.
    """
    data = _describe(model)
    if as_json:
        click.echo(json.dumps(data))
        return
    for key in ("spec", "recipe", "provenance"):
        del data[key]
    for key, value in data.items():
        shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
        click.echo(f"{key.replace('_', ' '):<18} {shown}")


def _describe(model: str) -> dict[str, Any]:
    path = find_weights(model)
    checkpoint = Checkpoint.load(model)
    known = analyse(checkpoint.spec)
    entry = registry().get(model)
    seen = seen_degradation(checkpoint.recipe, checkpoint.provenance)
    images = checkpoint.provenance.get("images") or {}
    return {
        "model": model,
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": entry.licence if entry else "unknown",
        "kind": checkpoint.spec.kind,
        "backbone": checkpoint.spec.backbone.kind,
        "parameters": known.parameter_count,
        "macs_per_pixel": round(known.macs_per_pixel),
        "receptive_field": known.receptive_field,
        "total_stride": known.total_stride,
        "tiles": not known.global_statistics,
        "degradations": ", ".join([*seen.kinds, *seen.unknown]) if checkpoint.recipe else "unknown",
        "training_images": ", ".join(f"{count} {name}" for name, count in images.items())
        or "unknown",
        "spec": checkpoint.spec.to_dict(),
        "recipe": dict(checkpoint.recipe),
        "provenance": dict(checkpoint.provenance),
    }
