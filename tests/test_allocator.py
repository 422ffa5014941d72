"""Memory that the C library keeps, and returns."""

import subprocess
import sys

import pytest

from osr_core import allocator

PROGRAM = """
import numpy as np
from osr.memory import resident_bytes
from osr_core.allocator import keep_freed_memory, return_freed_memory
print(int(keep_freed_memory()))
first = resident_bytes()
array = np.ones(1 << 25)  # 256 MiB
del array
print((resident_bytes() - first) >> 20)
return_freed_memory()
print((resident_bytes() - first) >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no glibc")
def test_freed_memory_is_kept_until_it_is_returned():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    taken, kept, after = map(int, run.stdout.split())
    if not taken:
        pytest.skip("another C library")
    assert kept > 200
    assert after < 50


def test_nothing_is_set_without_glibc(monkeypatch):
    allocator.keep_freed_memory.cache_clear()
    monkeypatch.setattr(allocator, "_glibc", lambda: None)
    assert not allocator.keep_freed_memory()
    allocator.return_freed_memory()
    allocator.keep_freed_memory.cache_clear()
