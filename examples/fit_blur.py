"""Fit one kernel to each of many pairs: how far it explains the blur, what undoing it could bring.

    python examples/fit_blur.py reds DIR

Grey values, least squares, 13×13, each kernel fitted to the very pair that it is judged by: no
filter of that size, the same all over a picture, can do better, whatever it knows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from osr_core.cli import run
from osr_core.datasets import items
from osr_core.degradations.linear_light import to_linear, to_srgb
from osr_core.errors import OptionError

Plane = NDArray[np.float32]

REACH = 6


@click.command(help=__doc__)
@click.argument("name")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(name: str, folder: Path) -> None:
    """Fit and print."""
    figures = []
    for item in items(name, folder):
        damaged, clear = item.load()
        if damaged is None:
            raise OptionError(f"{name}: has no damaged images; expected pairs, such as reds")
        blurred, sharp = _grey(damaged), _grey(clear)
        inner = slice(REACH, -REACH)
        figures.append(
            (
                _psnr(blurred[inner, inner], sharp[inner, inner]),
                _fit(sharp, blurred, np.asarray, np.asarray),
                _fit(sharp, blurred, to_linear, to_srgb),
                _fit(blurred, sharp, np.asarray, np.asarray),
            )
        )
    untouched, values, light, undone = np.mean(figures, axis=0)
    click.echo(f"{len(figures)} pairs, blurred against clear: {untouched:.2f} dB")
    click.echo(f"clear, blurred by one kernel, against blurred: {values:.2f} dB on sRGB values")
    click.echo(f"                                               {light:.2f} dB in linear light")
    click.echo(f"blurred, sharpened by one kernel, against clear: {undone:.2f} dB")


def _grey(image: NDArray[np.uint8]) -> Plane:
    grey: Plane = (image @ np.array([0.299, 0.587, 0.114]) / 255).astype(np.float32)
    return grey


def _fit(
    source: Plane, target: Plane, forth: Callable[[Plane], Plane], back: Callable[[Plane], Plane]
) -> float:
    """PSNR in dB of ``source``, filtered by the kernel that brings it closest to ``target``."""
    side = 2 * REACH + 1
    windows = sliding_window_view(forth(source), (side, side)).reshape(-1, side * side)
    wanted = target[REACH:-REACH, REACH:-REACH].ravel()
    kernel = np.linalg.lstsq(windows, forth(wanted), rcond=None)[0]
    return _psnr(back(np.clip(windows @ kernel, 0, 1)), wanted)


def _psnr(a: Plane, b: Plane) -> float:
    return float(-10 * np.log10(((a - b) ** 2).mean()))


if __name__ == "__main__":
    run(main)
