"""What a benchmark finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkRow:
    """A network alone, on one tile at a time."""

    name: str
    backend: str
    precision: str
    milliseconds: dict[int, float]
    """Side of a square tile → median."""
    tile: int
    """Side at which a pixel takes the least time."""
    microseconds: float
    """A pixel, at that side."""
    relative: float
    """Its time to that of the first row, both in the same round: the median."""
    gemm_share: float | None
    """Its multiply-accumulates a second to those of the machine's matrix products."""


@dataclass(frozen=True)
class FilesRow:
    """``osr restore``, from file to file."""

    input: str
    """See :class:`~.workloads.Workload`."""
    count: int
    """Of files."""
    megapixels: float
    """Of all files together."""
    model: str
    backend: str
    precision: str
    seconds: float
    """Without loading the model."""
    microseconds: float
    """A pixel."""
    ratio: float
    """To the network alone at its best tile, both in the same round: the median."""
    peak_bytes: int | None
    """Most memory of a process."""


@dataclass(frozen=True)
class StartRow:
    """A process that restores one very small file: what the start of ``osr restore`` takes."""

    model: str
    backend: str
    seconds: float


@dataclass(frozen=True)
class TrainingRow:
    """A step of training on a batch."""

    model: str
    backend: str
    milliseconds: float


@dataclass(frozen=True)
class Benchmark:
    """All results, of one run on one machine."""

    machine: dict[str, str | int]
    gemm_gmacs: float
    """10⁹ multiply-accumulates a second, float32."""
    repeats: int
    networks: list[NetworkRow]
    files: list[FilesRow]
    starts: list[StartRow]
    training: list[TrainingRow]
