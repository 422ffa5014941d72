"""``osr parity``: do the backends agree on this machine?"""

from __future__ import annotations

from dataclasses import asdict

import click

from osr.cli import options
from osr.cli.output import print_json
from osr.parity import Check, check_parity


@click.command()
@click.argument("model", required=False, shell_complete=options.complete_model)
@options.model_limit
@options.json
def parity(model: str | None, as_json: bool) -> int:
    """Compare outputs, gradients and converted weights of MODEL in all installed backends.

    Without MODEL: the default model, and every backbone plain and reprogrammed with initial
    weights. Exit status 1 if anything differs by more than rounding.
    """
    checks: list[Check] = []
    for check in check_parity(model):
        checks.append(check)
        if not as_json:
            verdict = "ok" if check.passed else "DIFFERS"
            click.echo(
                f"{check.model:<18} {check.quantity:<11} {check.between:<20} "
                f"{check.difference:8.1e}  (≤ {check.tolerance:.0e})  {verdict}"
            )
    failed = sum(not check.passed for check in checks)
    if as_json:
        print_json([{**asdict(check), "passed": check.passed} for check in checks])
    else:
        click.echo(f"{len(checks) - failed} agree, {failed} differ")
    return 1 if failed else 0
