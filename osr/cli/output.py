"""What commands print: JSON, tables, a progress bar, and what became of image files."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from osr.cli import fail
from osr.cli.options import quiet
from osr_core.errors import LONGEST_MESSAGE, printable

if TYPE_CHECKING:  # they load OpenCV and Pillow, which most commands do without
    from osr.jobs import Progress
    from osr.stages import Result


_BAR = "{l_bar}{bar}| {n:.1f}/{total_fmt} [{elapsed}<{remaining}]"
_STDERR = 2  # the descriptor, which C libraries write to


def print_json(data: object) -> None:
    """Print JSON; not-a-number, which JSON does not have, becomes null."""
    click.echo(json.dumps(json.loads(json.dumps(data), parse_constant=lambda name: None)))


def table(rows: Iterable[Iterable[object]]) -> str:
    """Columns aligned to the left; lists are joined, whole numbers get separators."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def _text(cell: object) -> str:
    if isinstance(cell, list):
        return printable(", ".join(cell), LONGEST_MESSAGE)
    return f"{cell:,}" if type(cell) is int else printable(cell, LONGEST_MESSAGE)


@contextmanager
def progress_bar(hidden: bool, unit: str = "image") -> Iterator[Progress]:
    """A bar on standard error, where that is a terminal, for work of more than half a second."""
    off = hidden or quiet() or None  # None: unless it is a terminal
    with _quiet_libraries(), tqdm(unit=unit, disable=off, delay=0.5, bar_format=_BAR) as bar:

        def show(done: float, total: int, name: str) -> None:
            bar.total = total
            bar.set_description(printable(name), refresh=False)
            bar.update(done - bar.n)

        yield show


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Without what C libraries write on standard error, where libpng and libtiff put warnings.

    Neither can be asked to be silent through Pillow and OpenCV. Python writes to a copy of it.
    """
    stderr = sys.stderr
    try:
        own = stderr.fileno() == _STDERR
    except (OSError, ValueError, AttributeError):  # replaced by an object without file
        own = False
    if not own:
        yield
        return
    copy, null = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
    stderr.flush()
    os.dup2(null, _STDERR)
    os.close(null)
    with os.fdopen(copy, "w", 1, stderr.encoding, "backslashreplace") as sys.stderr:
        try:
            yield
        finally:
            os.dup2(copy, _STDERR)
            sys.stderr.flush()
            # Assigned before the copy is closed.
            sys.stderr = stderr


def report(results: Sequence[Result], done: str, as_json: bool, **setting: object) -> int:
    """Print what became of the inputs; returns the exit status, 2 if any failed.

    ``done`` is the word for success, such as ``restored``; ``setting`` are the options of the
    command that a reader should know, ``output`` among them.
    """
    good = [result for result in results if result.output is not None]
    failed = [result for result in results if result.error is not None]
    skipped = [result for result in results if result.skipped is not None]
    for result in failed:
        fail(result.error)
    if as_json:
        counts = {done: len(good), "failed": len(failed), "skipped": len(skipped)}
        print_json({**setting, **counts, "files": [asdict(result) for result in results]})
    if as_json or quiet():
        return 2 if failed else 0
    for result in results:
        if result.skipped or result.note:
            left_out = f"skipped: {result.skipped}" if result.skipped else result.note
            click.echo(printable(f"{result.input}: {left_out}", LONGEST_MESSAGE), err=True)
    counted = f"{len(good)} {done}, {len(failed)} failed"
    counted += f", {len(skipped)} skipped" if skipped else ""
    seconds = sum(result.seconds or 0 for result in good)
    sizes = ((result.width or 0, result.height or 0, result.frames or 1) for result in good)
    pixels = sum(map(math.prod, sizes))
    speed = f", {seconds:.1f} s, {pixels / 1e6 / seconds:.2f} megapixels/s" if seconds else ""
    how = ", ".join(f"{key} {value}" for key, value in setting.items() if key != "output")
    where = f" → {good[0].output if len(good) == 1 else setting['output']}" if good else ""
    click.echo(printable(f"{counted}{speed} ({how}){where}", LONGEST_MESSAGE))
    return 2 if failed else 0
