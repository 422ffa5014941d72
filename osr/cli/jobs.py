"""Which files a command reads and which it writes: inputs that are lost to nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from osr.images import SUFFIXES, collect
from osr_core.errors import ImageError, OSRError


@dataclass
class Result:
    """What became of one input."""

    input: str
    output: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Job:
    """One input and the files that are to be made of it."""

    index: int
    """Place among all inputs, so that a random seed by it is the same whatever else fails."""
    source: Path
    targets: tuple[Path, ...]


def gather(inputs: Sequence[str]) -> tuple[list[Result], list[Path]]:
    """Inputs that name no image, as failures, and the images that the others name, each once."""
    failures: list[Result] = []
    sources: dict[Path, Path] = {}
    for item in inputs:
        try:
            for path in collect([item]):
                sources.setdefault(path.resolve(), path)
        except OSRError as error:
            failures.append(Result(item, error=str(error)))
    return failures, list(sources.values())


def is_file_target(sources: Sequence[Path], output: Path) -> bool:
    """Whether ``output`` means a file: it looks like one, and there is one input."""
    return len(sources) == 1 and output.suffix.lower() in SUFFIXES and not output.is_dir()


def plan(
    sources: Sequence[Path], targets_of: Callable[[Path], tuple[Path, ...]]
) -> tuple[list[Result], list[Job]]:
    """Inputs that would overwrite an input or another's result, as failures, and the jobs."""
    failures: list[Result] = []
    jobs: list[Job] = []
    inputs = {source.resolve() for source in sources}
    taken: dict[Path, Path] = {}
    for index, source in enumerate(sources):
        targets = targets_of(source)
        message = None
        for target in targets:
            place = target.resolve()
            if place in inputs:
                whose = "its input" if place == source.resolve() else f"the input {target}"
                message = f"{source}: would overwrite {whose}; choose another --output"
            elif place in taken:
                message = f"{source}: {taken[place]} goes to {target} as well; do it separately"
        if message is None:
            taken.update({target.resolve(): source for target in targets})
            jobs.append(Job(index, source, targets))
        else:
            failures.append(Result(str(source), error=message))
    return failures, jobs


def make_folders(jobs: Sequence[Job]) -> None:
    """Make the folders that the results go to.

    Raises:
        ImageError: naming one that cannot be made.
    """
    for folder in dict.fromkeys(target.parent for job in jobs for target in job.targets):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageError(f"{folder}: cannot be made: {error.strerror}") from None


def named(source: Path, error: OSRError) -> str:
    """The error's line, with the input's name if it lacks it."""
    return str(error) if str(source) in str(error) else f"{source}: {error}"
