"""Convert a weight file and make sure that nothing changed.

    python examples/convert.py SOURCE TARGET

TARGET is a .safetensors, .pth or .ckpt file; SOURCE is one of them, a registered name, or a file of
the authors' public baseline or of GridDehazeNet.
"""

from __future__ import annotations

import sys

import osr


def main(source: str, target: str) -> None:
    """Convert, then load the new file and compare what both compute."""
    done = osr.convert(source, target, verify=True)
    print(f"{target}: {done.checkpoint.spec.backbone.kind}")
    for comparison in done.comparisons:
        print(f"{comparison.engine}: largest difference {comparison.difference:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
