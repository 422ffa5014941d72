"""``osr …`` in this process, as a user sees it."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from osr.cli import cli, run


@dataclass(frozen=True)
class Run:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def errors(self) -> list[str]:
        """The lines that say what was wrong."""
        return [line for line in self.stderr.splitlines() if line.startswith("osr: ")]


def osr(*arguments: object) -> Run:
    """Run a command; an exception that is not the user's fault comes through."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop:
        run(cli, [str(argument) for argument in arguments])
    assert isinstance(stop.value.code, int)
    return Run(stop.value.code, out.getvalue(), err.getvalue())
