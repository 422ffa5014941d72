"""Build the wheel of the last commit twice, compare both, and install it in empty environments.

    python tools/check_wheel.py
    python tools/check_wheel.py --install onnx heif evaluation

The wheels must be equal byte for byte and hold every file of the packages. ``--install`` installs
the wheel in an environment without extras and in one for each extra that is named; there the
program must start, and with a backend restore an image. Versions are those of constraints.txt.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("osr", "osr_core", "backends", "weights", "recipes")
LEFT_OUT = {"weights/files/figures.csv"}
"""Which only ``tools/make_cards.py`` reads."""
IMPORTS = {
    "evaluation": "osr.evaluation, osr.report, skimage, scipy, jinja2, matplotlib",
    "demo": "osr.demo, starlette, uvicorn",
    "heif": "osr.images, pillow_heif",
    "tensorboard": "osr.training.tensorboard, tensorboardX",
    "video": "osr.video, av",
    "ray": "osr.cluster.restoration, ray, fsspec",
    "spandrel": "weights.external; weights.external.import_spandrel()",
}
"""What must load with an extra that is no backend."""
BACKENDS = ("torch", "mindspore", "onnx")


def run(command: Sequence[str | Path], **options: str | Path | None) -> str:
    """Output of a command, which must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options)  # type: ignore[call-overload]
    return str(done.stdout)


def build(folder: Path) -> Path:
    """The wheel of the last commit, dated by it, built from a copy in a folder."""
    source = folder / "source"
    source.mkdir(parents=True)
    run(["git", "archive", "-o", folder / "source.tar", "HEAD"], cwd=ROOT)
    run(["tar", "-xf", folder / "source.tar", "-C", source])
    os.environ["SOURCE_DATE_EPOCH"] = run(["git", "log", "-1", "--format=%ct"], cwd=ROOT).strip()
    os.umask(0o022)  # permissions are part of a wheel
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source])
    return next(folder.glob("*.whl"))


def missing(wheel: Path) -> set[str]:
    """Tracked files of the packages that are not in the wheel."""
    held = set(zipfile.ZipFile(wheel).namelist())
    tracked = run(["git", "ls-files", *PACKAGES], cwd=ROOT).splitlines()
    placed = {name: f"osr/{name}" if name.startswith("recipes/") else name for name in tracked}
    return {name for name, place in placed.items() if place not in held} - LEFT_OUT


def install(wheel: Path, extra: str, folder: Path) -> None:
    """Install the wheel with an extra, or none, in a new environment, and try it there."""
    run([sys.executable, "-m", "venv", folder])
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    target = f"{wheel}[{extra}]" if extra else wheel
    pinned = ROOT / "constraints.txt"
    run([binaries / "python", "-m", "pip", "install", "-q", "-c", pinned, target])
    run([binaries / "osr", "models"], cwd=folder)
    run([binaries / "python", "-c", f"import {IMPORTS.get(extra, 'osr')}"], cwd=folder)
    if extra in BACKENDS:
        image, result = folder / "image.png", folder / "restored.png"
        draw = "import numpy, cv2, sys; cv2.imwrite(sys.argv[1], numpy.zeros((32, 48, 3)))"
        run([binaries / "python", "-c", draw, image])
        run(
            [binaries / "osr", "restore", image, "-o", result, "-q", "--backend", extra], cwd=folder
        )
        assert result.is_file()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--install", action="store_true")
    parser.add_argument("extras", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, again = build(folder / "one"), build(folder / "other")
        if wheel.read_bytes() != again.read_bytes():
            sys.exit("two builds of one commit differ")
        if absent := missing(wheel):
            sys.exit(f"not in the wheel: {', '.join(sorted(absent))}")
        print(f"{wheel.name}: {wheel.stat().st_size} bytes, twice the same, complete")
        for extra in ["", *given.extras] if given.install else []:
            install(wheel, extra, folder / f"with-{extra}")
            print(f"installed {'with ' + extra if extra else 'without extras'}; works")


if __name__ == "__main__":
    main()
