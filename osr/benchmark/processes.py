"""``osr restore`` in a process of its own: the most memory it takes, and its start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import osr
from osr_core.errors import OSRError

_STATUS = Path("/proc/self/status")
_PEAK = "peak bytes"
_PROGRAM = "from osr.benchmark.processes import _restore; _restore()"


def restore(arguments: Sequence[str]) -> None:
    """Run ``osr restore``; raises :class:`OSRError` if it fails."""
    _run(["-m", "osr.cli", "restore", *arguments])


def peak_bytes(arguments: Sequence[str]) -> int | None:
    """Most memory that ``osr restore`` takes; None where the system does not say."""
    if not _STATUS.exists():
        return None
    last = _run(["-c", _PROGRAM, *arguments]).splitlines()[-1]
    return int(last.removeprefix(_PEAK))


def _run(arguments: Sequence[str]) -> str:
    home = str(Path(osr.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths, "OSR_CONFIG": ""},
    )  # fmt: skip
    if done.returncode:
        lines = done.stderr.splitlines()
        raise OSRError(lines[-1].removeprefix("osr: ") if lines else "osr restore ended early")
    return done.stdout


def _restore() -> None:
    """Restore by the arguments of the process, and print its peak."""
    from osr.cli.restore import restore

    status = restore.main(sys.argv[1:], standalone_mode=False)
    # Not ru_maxrss, which starts at what the process had that started this one.
    line = next(each for each in _STATUS.read_text().splitlines() if each.startswith("VmHWM"))
    click.echo(f"{_PEAK} {int(line.split()[1]) * 1024}")
    sys.exit(status)
