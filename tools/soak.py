"""Restore thousands of pictures in one process, and watch its memory and open files (Linux).

    python tools/soak.py --backend torch -o soak-torch.csv
    python tools/soak.py --plot soak-torch.csv soak-mindspore.csv -o docs/images/soak.png

The pictures are drawn: sides of 48 to 208 pixels, colour and grey, in five formats. The program
prints the means of the second and the last quarter, and fails if memory grew by more than 5 % or a
file stays open.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from osr import restore_files
from osr.images import Picture, write

GROWTH = 1.05
FORMATS = ("png", "jpg", "webp", "tif", "bmp")


def draw(folder: Path, count: int) -> None:
    """Write so many pictures of noise on a gradient."""
    rng = np.random.default_rng(0)
    for index in range(count):
        height, width = rng.integers(48, 209, 2)
        light = np.linspace(0, 200, width)[None, :, None] + rng.integers(0, 56, (height, width, 3))
        pixels = light.astype(np.uint8)
        picture = Picture(pixels if index % 4 else np.ascontiguousarray(pixels[..., 0]))
        write(folder / f"{index:05}.{FORMATS[index % len(FORMATS)]}", picture)


def measure() -> tuple[float, int]:
    """Resident memory of this process in MB, and its open files."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(os.listdir("/proc/self/fd"))


def soak(count: int, model: str | None, backend: str | None, output: Path) -> bool:
    """Restore the pictures and write a row for each twentieth; whether both stayed flat."""
    rows: list[tuple[int, float, int]] = []
    with tempfile.TemporaryDirectory() as folder, output.open("w", encoding="utf-8") as file:
        file.write("pictures,megabytes,files\n")

        def watch(done: float, total: int, name: str) -> None:
            number = int(done)
            if number % 20 == 0 and (not rows or rows[-1][0] < number):
                rows.append((number, *measure()))
                file.write("{},{:.3f},{}\n".format(*rows[-1]))
                file.flush()

        inputs = Path(folder, "inputs")
        inputs.mkdir()
        draw(inputs, count)
        results = restore_files(
            inputs, Path(folder, "outputs"), model=model, backend=backend, progress=watch
        )
    failed = [result.error for result in results if result.error]
    if failed:
        raise SystemExit(f"{len(failed)} pictures failed; the first: {failed[0]}")
    quarter = len(rows) // 4
    early, late = (np.mean(part, axis=0) for part in (rows[quarter : 2 * quarter], rows[-quarter:]))
    print(f"{count} pictures; memory {early[1]:.0f} MB in the second quarter, "
          f"{late[1]:.0f} MB in the last; open files {early[2]:.1f} and {late[2]:.1f}")  # fmt: skip
    return bool(late[1] <= GROWTH * early[1] and late[2] <= early[2] + 1)


def plot(tables: Sequence[str], output: Path) -> None:
    """Memory over pictures, a line for each table."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    for table in tables:
        pictures, memory, _ = np.loadtxt(table, delimiter=",", skiprows=1).T
        axes.plot(pictures, memory, label=Path(table).stem.removeprefix("soak-"))
    axes.set(xlabel="pictures restored", ylabel="resident memory, MB", ylim=(0, None))
    axes.legend()
    figure.savefig(output, dpi=150)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", choices=("torch", "mindspore", "onnx"))
    parser.add_argument("--model")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--plot", nargs="+", metavar="TABLE")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    if given.plot:
        plot(given.plot, given.output)
    elif not soak(given.pictures, given.model, given.backend, given.output):
        sys.exit("memory or open files grew")


if __name__ == "__main__":
    main()
