"""``osr degrade``: degrade image files."""

from __future__ import annotations

from typing import Any

import click

from osr.cli import options
from osr.cli.output import progress_bar, report
from osr.degradations import DEGRADATIONS, Chain
from osr.degradations.files import degrade_files
from osr.images import SUFFIXES

FORMATS = ("same", *sorted(suffix[1:] for suffix in SUFFIXES))


@click.command()
@options.inputs
@options.output
@click.option(
    "--degradation", "degradations", multiple=True, required=True, metavar="CHAIN",
    help="KIND:LEVEL[,NAME=VALUE...], several joined by + (or the option repeated). Without LEVEL "
    f"what is not given is drawn. Kinds: none, {', '.join(DEGRADATIONS)}.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--pairs", is_flag=True, help="Write input/ and gt/ into OUTPUT: a test set.")
@options.recursive
@click.option("--format", type=click.Choice(FORMATS), default="png", show_default=True)
@click.option("--depth", help="Folder of depth maps for haze: .npy or grey; larger is farther.")
@options.max_pixels
@options.pages
@options.json
def degrade(
    inputs: tuple[str, ...],
    output: str,
    degradations: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> int:
    """Degrade INPUTs: image files, folders of images, or quoted globs.

    Results are 8-bit RGB under the names of their inputs. The same command makes the same files.
    Unreadable inputs are reported; the remaining inputs are still processed, and the exit status
    is 2.

    \b
    osr degrade photographs/ --degradation noise:25 -o noisy/
    osr degrade photographs/ --degradation haze:1.2+jpeg:40 --pairs -o test-set/
    """
    chain = Chain.parse("+".join(degradations))
    options["format"] = None if options["format"] == "same" else options["format"]
    with progress_bar(hidden=as_json) as progress:
        results = degrade_files(inputs, output, chain, **options, progress=progress)
    setting = {"degradation": str(chain), "seed": options["seed"], "output": output}
    return report(results, "degraded", as_json, **setting)
