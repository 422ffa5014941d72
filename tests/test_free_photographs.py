"""The freely licensed photographs: their list, and how they are taken out of packages."""

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import gather_photographs as tool

from osr_core.errors import OptionError

FREE = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "GPL-2.0-or-later", "LGPL-3.0")


def test_the_list_names_author_and_a_free_licence_of_each():
    rows = tool.read_list()
    assert len(rows) >= 40
    assert {row["package"] for row in rows} == set(tool.PACKAGES)
    for name in ("name", "member"):
        assert len({row[name] for row in rows}) == len(rows)
    assert all(row["author"] and row["licence"] in FREE for row in rows)


@pytest.fixture
def package():
    """A .deb file with one photograph and another file."""
    photograph = io.BytesIO()
    Image.fromarray(np.full((1200, 2400, 3), 99, np.uint8)).save(photograph, "JPEG")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        for name, content in (("./a/b.jpg", photograph.getvalue()), ("./a/c.txt", b"text")):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    parts = {"debian-binary": b"2.0", "control.tar.xz": b"odd", "data.tar.xz": data.getvalue()}
    return b"!<arch>\n" + b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(content):<10}`\n".encode()
        + content
        + b"\n" * (len(content) % 2)
        for name, content in parts.items()
    )


def test_photographs_of_a_package_are_reduced(package):
    ((name, content),) = tool.members(package, {"a/b.jpg", "a/absent.jpg"})
    assert name == "a/b.jpg"
    pixels = tool.reduced(content)
    assert pixels.shape == (1000, 2000, 3)
    assert np.abs(pixels.astype(int) - 99).max() <= 1


def test_another_file_than_debians_is_refused(package, tmp_path):
    (tmp_path / "mate-backgrounds_1.26.0-1_all.deb").write_bytes(package)
    with pytest.raises(OptionError, match="mate-backgrounds: another file than m/mate-backgrounds"):
        tool.package_file("mate-backgrounds", tmp_path, tool.MIRROR)
