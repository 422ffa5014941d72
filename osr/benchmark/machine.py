"""The machine: what it is, and how fast it multiplies matrices."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import numpy as np

from osr.benchmark.clock import Timed, stopwatch
from osr_core import __version__

_SIDE = 1536
_PACKAGES = ("numpy", "torch", "mindspore", "onnxruntime")


def describe() -> dict[str, str | int]:
    """Processor, cores that this process may use, system and versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, str | int] = {
        "processor": _processor(),
        "cores": cores or 1,
        "system": platform.platform(terse=True),
        "osr": __version__,
    }
    versions = {name: [*metadata.distributions(name=name)] for name in _PACKAGES}
    return found | {name: each[0].version for name, each in versions.items() if each}


def _processor() -> str:
    try:
        match = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:  # not Linux
        match = None
    return match[1] if match else platform.processor() or platform.machine()


class Gemm:
    """A product of float32 matrices by NumPy's BLAS: the rate that a network can hope for."""

    macs = _SIDE**3
    """Multiply-accumulates of one."""

    def __init__(self) -> None:
        matrices = np.random.default_rng(0).random((2, _SIDE, _SIDE), np.float32)
        work = stopwatch(lambda: np.matmul(*matrices))
        work()  # starts the threads
        self.timed = Timed("matrix product", work)
