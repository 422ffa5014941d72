"""Memory does not grow with the number of sizes of images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from osr_core.backend import is_installed

ROOT = Path(__file__).resolve().parent.parent
GROWTH = {"torch": 8e6, "mindspore": 60e6, "onnx": 8e6}
"""Bytes. Without bounds on what is kept by size: torch 17 MB, MindSpore 181 MB; with them 0 and up
to 20 MB, depending on the processor."""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures glibc's heap")
@pytest.mark.parametrize(("backend", "count"), [("torch", 40), ("mindspore", 40), ("onnx", 8)])
def test_memory_is_bounded_over_many_sizes(backend, count):
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    run = subprocess.run(
        [sys.executable, "tests/many_sizes.py", backend, str(count)],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    _, second, third = map(int, run.stdout.split())
    assert third - second < GROWTH[backend]
