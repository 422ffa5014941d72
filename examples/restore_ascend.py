"""Restore a photograph on an Ascend device; without one, on the CPU.

    python examples/restore_ascend.py INPUT OUTPUT

The framework is MindSpore where OSR_BACKEND says so, or PyTorch with torch_npu.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import backends
from osr_core import restore
from osr_core.errors import DeviceError
from osr_core.images import read, write


def main(source: str, target: str) -> None:
    """The lines of restore_python.py, with a device and a precision."""
    try:
        network = backends.load("osr-general", device="ascend", precision="float16")
    except DeviceError as error:
        print(f"{error}; using the CPU")
        network = backends.load("osr-general", device="cpu")
    picture = read(source)
    write(target, replace(picture, pixels=restore(picture.pixels, network)))
    print(f"{target}: restored with {backends.name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
