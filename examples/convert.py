"""Convert a weight file and make sure that nothing changed.

    python examples/convert.py SOURCE TARGET

SOURCE and TARGET are .safetensors, .pth or .ckpt; SOURCE may also be a file of the authors' public
baseline or of GridDehazeNet.
"""

from __future__ import annotations

import sys

from weights.convert import convert, verify


def main(source: str, target: str) -> None:
    """Convert, then load both files and compare what they compute."""
    checkpoint = convert(source, target)
    print(f"{target}: {checkpoint.spec.backbone.kind}")
    for comparison in verify(source, target):
        print(f"{comparison.engine}: largest difference {comparison.difference:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
