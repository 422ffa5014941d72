"""Times of things that are measured in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

_PAUSE = 0.02  # seconds before each measurement, in which the threads of the one before fall asleep

Progress = Callable[[float, int, str], object]
"""Called with the rounds done (fractions count), their number, and what is measured."""


@dataclass
class Timed:
    """Something that is measured once a round."""

    label: str
    work: Callable[[], float]
    """Does it, and returns the seconds that it took."""
    times: list[float] = field(default_factory=list)
    """Seconds, of each round."""

    @property
    def seconds(self) -> float:
        """The median."""
        return median(self.times)

    def ratio(self, other: Timed) -> float:
        """The median of the ratios to another, both of the same round."""
        return median(a / b for a, b in zip(self.times, other.times, strict=True))


def stopwatch(work: Callable[[], object]) -> Callable[[], float]:
    """The same work, which returns the seconds that it took."""

    def measured() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return measured


def run_rounds(works: Sequence[Timed], repeats: int, progress: Progress | None) -> None:
    """Measure all in turns, so that what else the machine does affects all of them alike."""
    for round_ in range(repeats):
        for number, each in enumerate(works):
            if progress is not None:
                progress(round_ + number / len(works), repeats, each.label)
            time.sleep(_PAUSE)
            each.times.append(each.work())
    if progress is not None:
        progress(repeats, repeats, "done")
