"""Tables of the experiments, from the reports of their runs.

    python examples/experiments/tables.py runs/experiments --table transforms

Figures are gains in PSNR over the untouched input, in dB, under each column's customary protocol;
kinds of damage weigh alike. ± is the standard deviation over seeds; an interval in brackets is
Student's, 95 %, over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from plan import FIVE, Plan, Run, Table, seeds_option, tables_option
from scipy import stats

from osr_core.cli import run as run_command
from osr_core.evaluation.statistics import NOTICEABLE, Results, capped, load

MODEL = "model"
"""What the only row of each report is called."""


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    gains: dict[str, float]
    """Kind of damage → mean gain over its columns, dB."""
    seen: float
    left_out: float
    """Over those of the five kinds that the run was not trained on."""
    never: float
    """Over the kinds that no run is trained on."""
    unseen: float
    """Over both."""
    harm: float
    """Share of the images with unseen damage that lost more than 0.2 dB."""
    clean: float
    """Mean PSNR of clear pictures after restoration, dB."""


def figures(run: Run, output: Path) -> Figures | None:
    """The figures of a run, or None if it is not there or under way."""
    folder = output / run.path / "report"
    if not (folder / "results.csv").is_file():
        return None
    results = load(folder)
    if any(len(results.cell(MODEL, column)) < column.images for column in results.columns):
        return None
    gains: dict[str, list[NDArray[np.float64]]] = {}
    for column in (c for c in results.columns if not c.clean):
        gains.setdefault(column.kind, []).append(results.gain(MODEL, column))
    unseen = [g for kind, values in gains.items() if kind not in run.trained for g in values]
    means = {kind: _mean([float(v.mean()) for v in values]) for kind, values in gains.items()}
    return Figures(
        means,
        _mean([means[kind] for kind in run.trained]),
        _mean([means[kind] for kind in FIVE if kind not in run.trained]),
        _mean([mean for kind, mean in means.items() if kind not in FIVE]),
        _mean([mean for kind, mean in means.items() if kind not in run.trained]),
        float((np.concatenate(unseen) < -NOTICEABLE).mean()),
        _clean(results),
    )


def markdown(table: Table, output: Path) -> str:
    """The table as Markdown; seeds that are not there are left out."""
    lines = _leave_one_out(table, output) if len(table.trained) > 1 else _variants(table, output)
    return "\n".join([f"**{table.name}**", "", *lines, ""])


def _variants(table: Table, output: Path) -> list[str]:
    lines = [
        "| variant | seeds | seen | left out of the five | never seen | harmed | clear pictures | "
        f"unseen, against {table.variants[0]} |",
        "|---|---|---|---|---|---|---|---|",
    ]
    first = _by_seed(table, table.variants[0], output)
    for variant in table.variants:
        found = _by_seed(table, variant, output)
        if not found:
            continue
        runs = list(found.values())
        shared = sorted(found.keys() & first.keys())
        change = [found[seed].unseen - first[seed].unseen for seed in shared]
        cells = [
            variant,
            str(len(runs)),
            *(spread([getattr(f, name) for f in runs]) for name in ("seen", "left_out", "never")),
            f"{100 * _mean([f.harm for f in runs]):.0f} %",
            f"{_mean([f.clean for f in runs]):.1f} dB",
            "" if variant == table.variants[0] else interval(change),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _leave_one_out(table: Table, output: Path) -> list[str]:
    one, other = table.variants
    lines = [
        f"| left out | {one}: on it | {other}: on it | difference | {one}: never seen | "
        f"{other}: never seen | difference | {one}: seen | {other}: seen |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows: list[dict[int, list[float]]] = []
    for trained in table.trained:
        pairs = _pairs(table, trained, output)
        left = next(kind for kind in FIVE if kind not in trained)
        values = {
            seed: [a.left_out, b.left_out, a.never, b.never, a.seen, b.seen]
            for seed, (a, b) in pairs.items()
        }
        rows.append(values)
        lines.append(f"| {left} | " + " | ".join(_cells(list(values.values()))) + " |")
    seeds = sorted(set.intersection(*(set(row) for row in rows)))
    means = [np.mean([row[seed] for row in rows], 0).tolist() for seed in seeds]
    lines.append("| **mean** | " + " | ".join(_cells(means)) + " |")
    return lines


def _cells(values: Sequence[Sequence[float]]) -> list[str]:
    if not values:
        return [""] * 8
    a, b, c, d, e, f = np.asarray(values, np.float64).T
    return [
        spread(a), spread(b), interval(b - a), spread(c), spread(d), interval(d - c), spread(e),
        spread(f),
    ]  # fmt: skip


def _pairs(
    table: Table, trained: Sequence[str], output: Path
) -> dict[int, tuple[Figures, Figures]]:
    both = [
        {run.seed: figures(run, output) for run in table.of(variant, trained)}
        for variant in table.variants
    ]
    return {seed: (a, b) for seed, a in both[0].items() if a and (b := both[1].get(seed))}


def _by_seed(table: Table, variant: str, output: Path) -> dict[int, Figures]:
    runs = table.of(variant, table.trained[0])
    return {run.seed: found for run in runs if (found := figures(run, output))}


def spread(values: Sequence[float] | NDArray[np.float64]) -> str:
    """Mean and standard deviation over seeds."""
    if not len(values):
        return ""
    text = f"{np.mean(values):+.2f}"
    return f"{text} ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else text


def interval(values: Sequence[float] | NDArray[np.float64]) -> str:
    """Mean and its 95 % interval."""
    if not len(values):
        return ""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return f"{mean:+.2f}"
    half = stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) / math.sqrt(count)
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"


def _clean(results: Results) -> float:
    rows = [results.cell(MODEL, c) for c in results.columns if c.clean]
    return _mean([float(capped([r.psnr for r in row]).mean()) for row in rows])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


@click.command(help=__doc__)
@click.argument("output", type=click.Path(exists=True, path_type=Path))
@tables_option
@seeds_option
def main(output: Path, tables: tuple[str, ...], seeds: int | None) -> None:
    """Print."""
    for table in Plan.load(tables, seeds).tables:
        click.echo(markdown(table, output))


if __name__ == "__main__":
    run_command(main)
