"""A cap on MindSpore's oneDNN that makes convolutions 30 to 100 times faster. No twin in torch.

With AVX-512 the oneDNN of MindSpore 2.10 (3.10.1, plain NCHW layouts) chooses a reference kernel
for convolutions; capped to AVX2 it chooses its matrix product. The oneDNN inside PyTorch is another
library and stays as it is. ``osr bench`` measures the difference.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import sys
from functools import lru_cache
from pathlib import Path
from typing import Literal

CapState = Literal["on", "not needed", "too late", "set by the environment", "not found"]

VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables by which users choose the cap; ``ALL`` means none."""

AVX2 = 0x7
"""``dnnl_cpu_isa_avx2`` of oneDNN's C interface."""


@lru_cache(maxsize=1)
def cap() -> CapState:
    """Cap MindSpore's oneDNN to AVX2, where that helps and the environment sets no cap.

    Must come before the first operation of the process, else it is ``too late``; ``not needed``
    without AVX-512, or not on Linux on x86-64. MindSpore itself is not imported.
    """
    if any(variable in os.environ for variable in VARIABLES):
        return "set by the environment"
    if not _has_avx512():
        return "not needed"
    library = _library()
    if library is None:
        return "not found"
    try:
        status: int = ctypes.CDLL(str(library)).dnnl_set_max_cpu_isa(AVX2)
    except (OSError, AttributeError):  # another kind of library: slower, not wrong
        return "not found"
    return "on" if status == 0 else "too late"


def _has_avx512() -> bool:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return "avx512f" in Path("/proc/cpuinfo").read_text(encoding="utf-8").split()


def _library() -> Path | None:
    spec = importlib.util.find_spec("mindspore")
    if spec is None or spec.origin is None:
        return None
    return next((Path(spec.origin).parent / "lib").glob("libdnnl.so*"), None)
