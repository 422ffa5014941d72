"""kill -9 at every system call of each writer leaves the old file or the new one, both whole.

The writers run in a process of their own without other threads, which forks a child for each call;
see :mod:`killing`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from killing import SUPPORTED

HERE = Path(__file__).resolve().parent


def _check(folder, *writers):
    program = [sys.executable, HERE / "killed_writer.py", folder, *writers]
    return subprocess.run(program, capture_output=True, text=True, timeout=300, cwd=HERE.parent)


@pytest.mark.slow
@pytest.mark.skipif(not SUPPORTED, reason="ptrace of Linux")
def test_killed_at_every_system_call(tmp_path):
    run = _check(tmp_path)
    assert run.returncode == 0, run.stderr
    calls = dict(line.split(": ") for line in run.stdout.splitlines())
    assert len(calls) == 10
    assert all(int(text.split()[0]) >= 5 for text in calls.values()), calls


@pytest.mark.slow
@pytest.mark.skipif(not SUPPORTED, reason="ptrace of Linux")
def test_a_writer_that_is_not_atomic_is_noticed(tmp_path):
    run = _check(tmp_path, "careless")
    assert "careless: call" in run.stderr
    assert "neither old nor new" in run.stderr


@pytest.mark.slow
@pytest.mark.skipif(not SUPPORTED, reason="fork")
def test_a_killed_batch_is_resumed_without_loss_or_repetition(tmp_path):
    program = [sys.executable, HERE / "killed_batch.py", tmp_path]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    run = subprocess.run(program, capture_output=True, text=True, timeout=300, env=environment)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[0]) >= 16
