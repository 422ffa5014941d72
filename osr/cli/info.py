"""``osr info``: describe a model."""

from __future__ import annotations

import click

from osr.cli import options
from osr.cli.output import print_json, table
from osr.evaluation.models import seen_degradation
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.registry import find_weights, registry


@click.command()
@click.argument("model", shell_complete=options.complete_model)
@options.model_limit
@options.json
def info(model: str, as_json: bool) -> None:
    """Describe MODEL, a registered name, a .safetensors file or a run folder.

    --json adds the spec, the recipe and the provenance, with those of the models it started from.
    """
    checkpoint = Checkpoint.load(model)
    spec, recipe, provenance = checkpoint.spec, checkpoint.recipe, checkpoint.provenance
    known, entry = analyse(spec), registry().get(model)
    seen = seen_degradation(recipe, provenance)
    counts = provenance.get("images")  # metadata may have any form
    images = [f"{n} {name}" for name, n in counts.items()] if isinstance(counts, dict) else []
    data = {
        "model": model,
        "file": str(find_weights(model)),
        "sha256": checkpoint.sha256,
        "licence": entry.licence if entry else "unknown",
        "kind": spec.kind,
        "backbone": spec.backbone.kind,
        "parameters": known.parameter_count,
        "macs_per_pixel": round(known.macs_per_pixel),
        "receptive_field": known.receptive_field,
        "total_stride": known.total_stride,
        "tiles": not known.global_statistics,
        "degradations": ", ".join([*seen.kinds, *seen.unknown]) if recipe else "unknown",
        "training_images": ", ".join(images) or "unknown",
    }
    if as_json:
        whole = {"spec": spec.to_dict(), "recipe": dict(recipe), "provenance": dict(provenance)}
        print_json(data | whole)
    else:
        click.echo(table((key.replace("_", " "), value) for key, value in data.items()))
