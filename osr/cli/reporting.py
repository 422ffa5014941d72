"""What the commands that turn images into images print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import click
from tqdm import tqdm

from osr.cli import fail
from osr.jobs import Progress, Result


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A bar on standard error, where that is a terminal, for work of more than half a second."""
    with tqdm(unit="image", disable=quiet or None, delay=0.5) as bar:

        def show(done: float, total: int, name: str) -> None:
            bar.total = total
            bar.set_description(name)
            bar.update(done - bar.n)

        yield show


def report(results: Sequence[Result], done: str, as_json: bool, **setting: object) -> int:
    """Print what became of the inputs; returns the exit status, 2 if any failed.

    Args:
        results: of all inputs.
        done: the word for success, such as ``restored``.
        as_json: print JSON, which holds the settings as well.
        setting: options of the command that a reader should know; ``output`` is one of them.
    """
    good = [result for result in results if result.output is not None]
    failed = [result for result in results if result.error is not None]
    skipped = [result for result in results if result.skipped is not None]
    for result in failed:
        fail(result.error)
    if as_json:
        counts = {done: len(good), "failed": len(failed), "skipped": len(skipped)}
        click.echo(json.dumps({**setting, **counts, "files": [asdict(r) for r in results]}))
        return 2 if failed else 0
    for result in skipped:
        click.echo(f"{result.input}: skipped: {result.skipped}", err=True)
    for result in good:
        if result.note is not None:
            click.echo(f"{result.input}: {result.note}", err=True)
    counted = f"{len(good)} {done}, {len(failed)} failed"
    counted += f", {len(skipped)} skipped" if skipped else ""
    seconds = sum(result.seconds or 0 for result in good)
    pixels = sum((result.width or 0) * (result.height or 0) for result in good)
    speed = f", {seconds:.1f} s, {pixels / 1e6 / seconds:.2f} megapixels/s" if seconds else ""
    how = ", ".join(f"{key} {value}" for key, value in setting.items() if key != "output")
    where = f" → {good[0].output if len(good) == 1 else setting['output']}" if good else ""
    click.echo(f"{counted}{speed} ({how}){where}")
    return 2 if failed else 0
