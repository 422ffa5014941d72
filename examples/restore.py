"""Restore a photograph from Python, on whatever device there is.

    python examples/restore.py INPUT OUTPUT [DEVICE]

DEVICE is cpu, cuda[:i] or ascend[:i]; OSR_BACKEND=torch or mindspore chooses the framework.
``osr.restore_files`` does the same for many files.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import backends
from osr.images import read, write
from osr_core import restore


def main(source: str, target: str, device: str = "auto") -> None:
    """Read, restore, write; bit depth, alpha and metadata are preserved."""
    network = backends.load("osr-general", device)
    picture = read(source)
    write(target, replace(picture, pixels=restore(picture.pixels, network)))
    print(f"{target}: restored with {backends.name}")


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
