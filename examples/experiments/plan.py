"""What the experiments consist of: tables, and the runs of networks that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from osr_core.errors import OptionError
from osr_core.settings import load, suggest

HERE = Path(__file__).resolve().parent

FIVE = ("noise", "rain", "haze", "blur", "low_resolution")
"""The kinds of damage of the paper."""

tables_option = click.option("--table", "tables", multiple=True, help="[default: all]")
seeds_option = click.option(
    "--seeds", type=click.IntRange(1), help="Of each variant.  [default: as in experiments.toml]"
)


@dataclass(frozen=True)
class Run:
    """A network that is trained on some kinds of damage from a seed."""

    variant: str
    trained: tuple[str, ...]
    seed: int
    settings: tuple[str, ...]
    """Over those of base.toml."""

    @property
    def plain(self) -> bool:
        """Whether the backbone stands alone."""
        return self.variant.startswith("plain") or self.variant == "specialist"

    @property
    def path(self) -> Path:
        """Of its folder, below that of all runs."""
        return Path(self.variant, "-".join(self.trained), str(self.seed))


@dataclass(frozen=True)
class Table:
    """Variants that are compared, each trained on each list of kinds from each seed."""

    name: str
    variants: tuple[str, ...]
    trained: tuple[tuple[str, ...], ...]
    runs: tuple[Run, ...]
    """Seed by seed, so that a table that was stopped early compares like with like."""

    def of(self, variant: str, trained: Sequence[str]) -> list[Run]:
        """The runs of a variant, one for each seed."""
        wanted = (variant, tuple(trained))
        return [run for run in self.runs if (run.variant, run.trained) == wanted]


@dataclass(frozen=True)
class Plan:
    """Some tables of experiments.toml."""

    tables: tuple[Table, ...]

    @classmethod
    def load(cls, names: Sequence[str] = (), seeds: int | None = None) -> Plan:
        """The tables of some names, or all, with so many seeds or as many as the file says.

        Raises:
            OptionError: for a name that there is not.
        """
        data = load([HERE / "experiments.toml"])
        for name in names:
            if name not in data["tables"]:
                raise OptionError(f"--table {name}: {suggest(name, data['tables'])}")
        return cls(
            tuple(
                _table(name, data["tables"][name], data["variants"], seeds or data["seeds"])
                for name in names or data["tables"]
            )
        )

    @property
    def runs(self) -> list[Run]:
        """Of all tables, each once, seed by seed."""
        every = dict.fromkeys(run for table in self.tables for run in table.runs)
        return sorted(every, key=lambda run: run.seed)


def _table(name: str, data: Mapping[str, Any], variants: dict[str, list[str]], seeds: int) -> Table:
    trained = tuple(map(tuple, data["trained"]))
    runs = tuple(
        Run(variant, kinds, seed, tuple(variants[variant]))
        for seed in range(seeds)
        for kinds in trained
        for variant in data["variants"]
    )
    return Table(name, tuple(data["variants"]), trained, runs)
