"""Run a package for darktable as darktable does, and compare with the whole image.

    python tools/run_dtmodel.py osr-denoise.dtmodel photo.png -o denoised.png

Tiles overlap by 64 pixels, images are mirrored beyond their edges, and only the middle of each tile
is kept. The largest difference to one tile of the whole mirrored image is what seams amount to.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from osr.cli import run
from osr.images import read, to_float, to_levels, write
from weights import darktable

Planes = NDArray[np.float32]


@click.command(help=__doc__)
@click.argument("package", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("picture")
@click.option("-o", "--output", help="Picture to write.")
@click.option("--tile", default=256, show_default=True, help="Side in pixels; darktable: 256-2048.")
def main(package: Path, picture: str, output: str | None, tile: int) -> None:
    """Restore in tiles, restore whole, print the difference in 8-bit levels."""
    source = read(picture)
    image = np.atleast_3d(to_float(source.pixels))[..., :3]
    planes = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)).transpose(2, 0, 1))
    tiled, whole = (restore_tiled(package, planes, side).clip(0, 1) for side in (tile, 0))
    print(f"{package}: largest difference {255 * np.abs(tiled - whole).max():.2f} levels")
    if output:
        write(output, replace(source, pixels=to_levels(tiled.transpose(1, 2, 0))))


def restore_tiled(package: Path, image: Planes, tile: int) -> Planes:
    """An image ``(3, H, W)`` in tiles, of which 0 is one."""
    overlap, (height, width) = darktable.OVERLAP, image.shape[1:]
    tile = tile or max(height, width) + 2 * overlap
    step = tile - 2 * overlap
    down, right = (-(-side // step) * step - side for side in (height, width))
    edges = [(0, 0), (overlap, overlap + down), (overlap, overlap + right)]
    padded = np.pad(image, edges, mode="reflect")
    result = np.empty((3, height + down, width + right), np.float32)
    inner = slice(overlap, overlap + step)
    for top in range(0, height, step):
        row = [padded[:, top : top + tile, left : left + tile] for left in range(0, width, step)]
        restored = darktable.run(package, np.stack(row), None)
        for left, each in zip(range(0, width, step), restored, strict=True):
            result[:, top : top + step, left : left + step] = each[:, inner, inner]
    return result[:, :height, :width]


if __name__ == "__main__":
    run(main)
