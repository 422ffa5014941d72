"""Restore a photograph from Python.

    python examples/restore.py INPUT OUTPUT
"""

from __future__ import annotations

import sys
from dataclasses import replace

import backends
from osr.images import read, write
from osr_core import restore


def main(source: str, target: str) -> None:
    """Read, restore, write; depth, alpha and metadata are kept."""
    network = backends.load("osr-general")
    picture = read(source)
    write(target, replace(picture, pixels=restore(picture.pixels, network)))
    print(f"{target}: restored with {backends.name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
