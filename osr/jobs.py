"""From inputs and an output to jobs, and from jobs to results: shared by restore and degrade."""

from __future__ import annotations

import glob
import logging
import os
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from osr.images import READABLE, SUFFIXES, page_count
from osr.stages import Job, Loaded, Part, Pending, Profile, Result, Stages
from osr.video import SUFFIXES as VIDEOS
from osr.video import WRITABLE as WRITABLE_VIDEOS
from osr.video import is_video
from osr_core.errors import ImageError, OptionError, OSRError, is_out_of_memory
from osr_core.files import remove_temporaries

PathLike = str | os.PathLike[str]

Progress = Callable[[float, int, str], object]
"""Called with the number of images done (fractions count), their total, and the current one."""

logger = logging.getLogger(__name__)

_DAY = 86_400.0  # seconds
_Source = tuple[Path, Path]  # an image, and its path below the input folder it was found in


def plan(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    rename: Callable[[Path], tuple[Path, ...]] = lambda place: (place,),
    recursive: bool = False,
    pages: bool = False,
) -> tuple[list[Result], list[Job]]:
    """Find the images that inputs stand for, and where their results go.

    Args:
        inputs: files, folders (the images in them) and glob patterns (``*``, ``?``, ``[...]``,
            ``**``). Hidden files are ignored.
        output: a folder, or for a single image also a file.
        rename: the paths below ``output`` for an image of that path below its input folder.
        recursive: include subfolders of input folders, and keep them in the output.
        pages: make a job of each page or frame of a file, with its number at the end of the name;
            otherwise of the first.

    Returns:
        Inputs that failed or were skipped, and the jobs.

    Raises:
        OptionError: if the output is a file of a format that cannot be written, or several
            results would go to one file.
    """
    if not os.fspath(output):
        raise OptionError("--output is empty; give a folder, . for this one")
    inputs = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    results: list[Result] = []
    sources: dict[Path, _Source] = {}
    for item in [os.fspath(each) for each in inputs]:
        found = list(_expand(item, recursive, Path(output).resolve()))
        results += [entry for entry in found if isinstance(entry, Result)]
        for entry in found:
            if not isinstance(entry, Result):
                sources.setdefault(entry[0].resolve(), entry)
        if not any(not isinstance(entry, Result) or entry.error for entry in found):
            results.append(Result(item, error=f"{item}: no images found"))
    entries = [entry for found in sources.values() for entry in _pages(*found, pages)]
    film = len(entries) == 1 and is_video(entries[0][0])
    to_file = _is_file(output, inputs, len(entries), WRITABLE_VIDEOS if film else SUFFIXES)
    jobs: list[Job] = []
    taken: dict[Path, Path] = {}
    for index, (source, place, page) in enumerate(entries):
        targets = tuple(Path(output, name) for name in rename(place))
        if to_file and len(targets) > 1:
            raise OptionError(f"--output {output}: is a file name; give a folder")
        job = Job(index, source, (Path(output),) if to_file else targets, page)
        root = Path(output).parent if to_file else Path(output)
        if problem := _problem(job, root, sources.keys(), taken):
            results.append(Result(str(source), error=f"{source}: {problem}"))
        else:
            taken |= {target.resolve(): source for target in job.targets}
            jobs.append(job)
    return results, jobs


def run_jobs(
    jobs: Sequence[Job],
    read: Callable[[Job], Loaded],
    work: Callable[[Job, Loaded, Callable[[float], object]], Iterable[Part]],
    write: Callable[[Job, Loaded, Iterator[Part]], Result],
    progress: Progress | None = None,
    profile: Profile | None = None,
) -> list[Result]:
    """Do each job; one that fails or runs out of memory does not end the others.

    The three stages overlap: while one job is worked on in this thread, the next is read and
    what is ready of this one and the one before is written, each in a thread of its own.

    Args:
        jobs: from :func:`plan`.
        read: loads the input of a job.
        work: yields the results of a job part by part; given the job, what was read, and a
            function to call with each share of it done.
        write: writes the parts of a job as they come, and returns its result.
        progress: see :data:`Progress`; called from this thread only.
        profile: receives where the time went.

    Returns:
        A result for each job, in their order.

    Raises:
        ImageError: if an output folder cannot be created.
    """
    for folder in dict.fromkeys(target.parent for job in jobs for target in job.targets):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageError(f"{folder}: cannot be created: {error.strerror}") from None
        remove_temporaries(folder, _DAY)
    profile = profile or Profile()
    stages = Stages(read, work, write, profile)
    results: list[Result] = []
    done = 0.0

    def collect(pending: deque[Pending]) -> None:
        entry = pending.popleft()
        try:
            with profile.measure("wait"):
                result = entry.result.result()
            result.seconds = round(entry.seconds, 3)
            logger.info("%s → %s: %.2f s", result.input, result.output, result.seconds)
        except (OSRError, MemoryError, RuntimeError) as error:
            result = Result(str(entry.job.source), error=_line(entry.job.source, error))
        results.append(result)

    with profile.measure("total"), stages:
        pending: deque[Pending] = deque()
        for number, job in enumerate(jobs):

            def advance(share: float, job: Job = job) -> None:
                nonlocal done
                done += share
                if progress is not None:
                    progress(done, len(jobs), job.source.name)

            advance(0)
            following = jobs[number + 1] if number + 1 < len(jobs) else None
            pending.append(stages.start(job, following, advance))
            advance(number + 1 - done)
            while len(pending) > 1:  # the one before, while this one is being written
                collect(pending)
        while pending:
            collect(pending)
    return results


def _expand(item: str, recursive: bool, output: Path) -> Iterator[_Source | Result]:
    if os.path.isfile(item):
        yield Path(item), Path(Path(item).name)
    elif os.path.isdir(item):
        yield from _scan(Path(item), Path(), recursive, output)
    elif glob.has_magic(item):
        for match in sorted(filter(os.path.isfile, glob.glob(item, recursive=True))):
            yield _image(Path(match), Path(), VIDEOS)
    else:
        yield Result(item, error=f"{item}: no such file or folder")


def _scan(folder: Path, place: Path, recursive: bool, output: Path) -> Iterator[_Source | Result]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Result(str(folder), error=f"{folder}: cannot be read: {error.strerror}")
        return
    for path in entries:
        if path.name.startswith(".") or path.resolve() == output:
            continue  # results of an earlier run are no inputs
        if path.is_file():
            yield _image(path, place)
        elif not path.is_dir():
            yield Result(str(path), skipped="is not a file")
        elif not recursive:
            yield Result(str(path), skipped="is a folder; use --recursive to include it")
        elif path.is_symlink():  # it may lead back up
            yield Result(str(path), skipped="is a link to a folder")
        else:
            yield from _scan(path, place / path.name, recursive, output)


def _pages(source: Path, place: Path, all_pages: bool) -> list[tuple[Path, Path, int | None]]:
    """An image once, or once for each of its pages; one that cannot be read fails later."""
    try:
        count = page_count(source) if all_pages else 1
    except ImageError:
        count = 1
    if count == 1:
        return [(source, place, None)]
    names = (place.with_name(f"{place.stem}-{page + 1}{place.suffix}") for page in range(count))
    return [(source, name, page) for page, name in enumerate(names)]


def _image(path: Path, folder: Path, others: Collection[str] = ()) -> _Source | Result:
    if path.suffix.lower() in (*READABLE, *others):
        return path, folder / path.name
    if is_video(path):  # which takes hours where an image takes a second
        return Result(str(path), skipped="is a video; give it as an input of its own")
    return Result(str(path), skipped="is not an image file, by its suffix")


def _is_file(
    output: PathLike, inputs: Sequence[PathLike], images: int, writable: Collection[str]
) -> bool:
    """Whether ``output`` names a file: it has the suffix of one and is not a folder."""
    text, suffix = os.fspath(output), Path(output).suffix.lower()
    if text.endswith(("/", os.sep)) or Path(output).is_dir():
        return False
    single = len(inputs) == 1 and not os.path.isdir(inputs[0])
    if suffix not in READABLE and not (single and re.fullmatch(r"\.[a-z]\w{1,4}", suffix)):
        return False
    if suffix not in writable:
        raise OptionError(
            f"--output {text}: {suffix} cannot be written; use one of {', '.join(sorted(writable))}"
            f", or {text}/ for a folder"
        )
    if images > 1:
        raise OptionError(
            f"--output {text}: is a file name, but there are {images} images; give a folder"
        )
    return True


def _problem(
    job: Job, root: Path, originals: Collection[Path], taken: Mapping[Path, Path]
) -> str | None:
    """Why results would destroy an input, or those of another job, or leave the output folder."""
    for target in job.targets:
        place = target.resolve()
        if not target.parent.resolve().is_relative_to(root.resolve()):
            return f"its output {target} leads out of {root} by a link; remove the link"
        if place in originals:
            which = "its input" if place == job.source.resolve() else f"the input {target}"
            return f"would overwrite {which}; choose another --output"
        if place in taken:
            return (
                f"its output {target} collides with that of {taken[place]}; "
                "use separate output folders"
            )
    return None


def _line(source: Path, error: Exception) -> str:
    """The error as one line that names the input; a defect is raised again."""
    if isinstance(error, OSRError):
        return str(error) if str(error).startswith(str(source)) else f"{source}: {error}"
    if is_out_of_memory(error):
        return f"{source}: out of memory; use a smaller --tile or another --device"
    raise error
