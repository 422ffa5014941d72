"""``osr parity``: do the backends agree on this machine?"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from backends import get_backend
from osr.cli import json_option
from osr.parity import Row, compare
from osr_core.backend import BACKENDS, is_installed, pick_backend
from osr_core.checkpoint import Checkpoint
from osr_core.initial import initial_state
from osr_core.registry import default_model
from osr_core.spec import BACKBONES, InputTransform, ModelSpec, OutputTransform
from weights import convert


@click.command()
@click.argument("model", required=False)
@json_option
def parity(model: str | None, as_json: bool) -> int:
    """Compare outputs, gradients and converted weights of MODEL in all installed backends.

    Without MODEL: the default model, and every backbone plain and reprogrammed with fresh
    weights. Exit status 1 if anything differs by more than rounding.
    """
    pick_backend()  # says what to do where there is none
    modules = {name: get_backend(name) for name in BACKENDS if is_installed(name)}
    rows: list[Row] = []
    for name, checkpoint in _models(model).items():
        rows += compare(name, checkpoint.spec, checkpoint.state, modules)
        rows += _conversions(name, checkpoint)
        if not as_json:
            _print(rows, name)
    failed = [row for row in rows if not row.passed]
    if as_json:
        click.echo(json.dumps([{**asdict(row), "passed": row.passed} for row in rows]))
    else:
        click.echo(f"{len(rows) - len(failed)} agree, {len(failed)} differ")
    return 1 if failed else 0


def _models(model: str | None) -> dict[str, Checkpoint]:
    name = model or default_model()
    found = {name: Checkpoint.load(name)}
    if model is None:
        for kind, backbone in BACKBONES.items():
            transforms = InputTransform(3, layout="shared"), OutputTransform()
            specs = {kind: ModelSpec(backbone()), f"osr {kind}": ModelSpec(backbone(), *transforms)}
            found |= {n: Checkpoint(spec, initial_state(spec, 0)) for n, spec in specs.items()}
    return found


def _conversions(name: str, checkpoint: Checkpoint) -> list[Row]:
    """There and back through every foreign format that can be written here."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".ckpt", ".pth") if is_installed("torch") else (".ckpt",):
            path = Path(folder) / f"model{suffix}"
            convert.save(checkpoint, path)
            back = convert.load(path).state
            # Not a number compares as different, which is meant.
            differ = sum(not np.array_equal(back[n], a) for n, a in checkpoint.state.items())
            rows.append(Row(name, "conversion", f"safetensors, {suffix[1:]}", float(differ), 0.0))
    return rows


def _print(rows: list[Row], name: str) -> None:
    for row in rows:
        if row.model == name:
            verdict = "ok" if row.passed else "DIFFERS"
            click.echo(
                f"{row.model:<18} {row.check:<11} {row.between:<20} "
                f"{row.difference:8.1e}  (≤ {row.tolerance:.0e})  {verdict}"
            )
