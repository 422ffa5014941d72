"""Gather the freely licensed photographs that osr-denoise-free is trained on.

    python tools/gather_photographs.py data/free

They are in packages of Debian, which are downloaded (250 MB) and verified; free_photographs.csv
lists each photograph with its author and licence, and is copied beside them. None is in a data set
that evaluations use. They are reduced to 2 megapixels, which removes the traces of the sensor and
of JPEG.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osr.cli import run
from osr_core.errors import ImageError, OptionError
from osr_core.files import atomic_write

LIST = Path(__file__).with_name("free_photographs.csv")

MIRROR = "https://deb.debian.org/debian/pool/main"

PACKAGES: Mapping[str, tuple[str, str]] = {
    "budgie-backgrounds": (
        "b/budgie-backgrounds/budgie-backgrounds_3.0-1_all.deb",
        "b91c2d5209558bc11d8d3a161f22a608857e3f8c735980cfab0d6650b03014ca",
    ),
    "gnome-backgrounds": (
        "g/gnome-backgrounds/gnome-backgrounds_3.38.0-1_all.deb",
        "76d8a4c52e5f346d9cb08bc8a1f58ad443d2bae211721af8a7248457c7a520e8",
    ),
    "lomiri-wallpapers-16.04": (
        "l/lomiri-wallpapers/lomiri-wallpapers-16.04_20.04.0-4_all.deb",
        "f74676719f9d0128e5310e65ef97d596bcece8b6a43524ab8949ee1be0a4f18c",
    ),
    "lomiri-wallpapers-20.04": (
        "l/lomiri-wallpapers/lomiri-wallpapers-20.04_20.04.0-4_all.deb",
        "fbf4c3bcbfea7f70bc1f5ed270fe97995119d02e9102715e0377d877ee848b0b",
    ),
    "mate-backgrounds": (
        "m/mate-backgrounds/mate-backgrounds_1.26.0-1_all.deb",
        "7bf4c2209f34b4f61ba6d24c8b58c28b361e82e4b943aae6d42c030169af9e04",
    ),
    "plasma-workspace-wallpapers": (
        "p/plasma-workspace-wallpapers/plasma-workspace-wallpapers_6.3.4-1_all.deb",
        "b521d36486817f7a44c26faf247b9528138cc1ea1e8b154442a757c7e31faa2c",
    ),
}
"""Of each package its place in Debian's archive, and its SHA-256."""

PIXELS = 2_000_000


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--packages", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of .deb files that are there already.")  # fmt: skip
@click.option("--mirror", default=MIRROR, show_default=True,
              help="Where old packages may be: https://archive.debian.org/debian/pool/main, "
                   "https://snapshot.debian.org.")  # fmt: skip
def main(folder: Path, packages: Path | None, mirror: str) -> None:
    """Write the photographs as PNG files, and their list."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = read_list()
    for package in PACKAGES:
        wanted = {row["member"]: row["name"] for row in rows if row["package"] == package}
        for member, content in members(package_file(package, packages, mirror), set(wanted)):
            target = folder / f"{wanted.pop(member)}.png"
            with atomic_write(target) as temporary:
                Image.fromarray(reduced(content)).save(temporary)
            print(target, flush=True)
        if wanted:
            raise ImageError(f"{package}: lacks {', '.join(wanted)}")
    shutil.copy(LIST, folder)


def read_list() -> list[dict[str, str]]:
    """Rows of the list: name, package, member of the package, author and licence."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def package_file(package: str, folder: Path | None, mirror: str) -> bytes:
    """The content of a package, from a folder or the network."""
    place, sha256 = PACKAGES[package]
    if folder is not None:
        # apt writes the epoch of a version into the name of the file.
        version = place.rpartition("/")[2].removeprefix(f"{package}_")
        content = next(folder.glob(f"{package}_*{version}")).read_bytes()
    else:
        with urlopen(f"{mirror}/{place}") as response:
            content = response.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise OptionError(f"{package}: another file than {place} of Debian")
    return content


def members(package: bytes, names: set[str]) -> list[tuple[str, bytes]]:
    """Files of a package: an ``ar`` archive that holds ``data.tar.xz``."""
    start = 8
    while not package[start:].startswith(b"data.tar"):
        size = int(package[start + 48 : start + 58])
        start += 60 + size + size % 2
    size = int(package[start + 48 : start + 58])
    content = io.BytesIO(package[start + 60 : start + 60 + size])
    found = []
    with tarfile.open(fileobj=content) as archive:
        for entry in archive:
            name = entry.name.removeprefix("./")
            file = archive.extractfile(entry) if name in names else None
            if file is not None:
                found.append((name, file.read()))
    return found


def reduced(content: bytes) -> NDArray[np.uint8]:
    """An image of at most :data:`PIXELS`, antialiased."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    factor = min(1.0, (PIXELS / (image.width * image.height)) ** 0.5)
    size = round(image.width * factor), round(image.height * factor)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


if __name__ == "__main__":
    run(main)
