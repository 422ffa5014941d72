"""SIGINT, SIGTERM and SIGHUP end a command in order: exit status, one line, no leftovers."""

import signal
import subprocess
import sys

import pytest

WRITER = """
import signal
import time
import click
from osr import cli
from osr_core.files import atomic_write

def write(path):
    with atomic_write(path) as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        for _ in range(600):  # a signal just before a sleep does not end it
            time.sleep(0.1)

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup ignores
cli.cli = click.Command("write", callback=write, params=[click.Argument(["path"])])
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGINT, 130, "osr: interrupted"),
        (signal.SIGTERM, 143, "osr: sigterm"),
        (signal.SIGHUP, 129, "osr: sighup"),
    ],
)
def test_signals_leave_nothing(tmp_path, number, status, line):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path / "file.txt"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "writing\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (status, line)
    assert not list(tmp_path.iterdir())
