"""A photograph of a modern camera, in the memory of an old laptop."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from osr_core.backend import is_installed
from osr_core.images import Picture, read, write

ROOT = Path(__file__).resolve().parent.parent
HEIGHT, WIDTH = 3000, 4000
LIMIT = 1.5 * 2**30

PROGRAM = """
import resource, sys
from osr_core.cli import cli
status = cli.main(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
sys.exit(status)
"""


@pytest.mark.skipif(not is_installed("torch"), reason="torch is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
def test_12_megapixels_in_bounded_memory_without_seams(tmp_path):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    smooth = 0.5 + 0.4 * np.sin(rows / 97) * np.cos(columns / 131)
    noise = np.random.default_rng(0).normal(0, 0.06, (HEIGHT, WIDTH, 3)).astype(np.float32)
    pixels = ((smooth[..., None] + noise).clip(0, 1) * 255).astype(np.uint8)
    write(tmp_path / "in.jpg", Picture(pixels))
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "restore", str(tmp_path / "in.jpg"),
         "-o", str(tmp_path / "out.png"), "--backend", "torch", "--json"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    peak = int(run.stdout.split()[-1])
    assert peak < LIMIT, f"{peak / 2**30:.2f} GiB"
    restored = read(tmp_path / "out.png").pixels / np.float32(255)
    # A seam is a line along which neighbours differ more than elsewhere.
    for axis in (0, 1):
        steps = np.abs(np.diff(restored, axis=axis)).mean(axis=(1 - axis, 2))
        assert steps.max() < 1.5 * np.median(steps)
    assert np.abs(restored - smooth[..., None]).mean() < 0.5 * np.abs(noise).mean()
