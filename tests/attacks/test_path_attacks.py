"""Paths: pipes, devices and folders in place of files, odd names, links out of the output."""

from __future__ import annotations

import csv
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from osr.cli import cli
from osr.datasets.item import Item
from osr.datasets.lists import read_lists
from osr.degradations.files import degrade_files
from osr.evaluation.records import Description, read_rows
from osr.images import Picture, read, write
from osr.jobs import plan
from osr.settings import load
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ImageError, OptionError, OSRError
from weights import convert, formats

posix = pytest.mark.skipif(os.name != "posix", reason="pipes and devices")


def _lists(path):
    return read_lists(f"{path},{path}")


def _evaluation(path):
    folder = path.parent / "evaluation"
    folder.mkdir()
    (folder / "evaluation.json").symlink_to(path)
    return Description.load(folder)


def _rows(path):
    folder = path.parent / "rows"
    folder.mkdir()
    (folder / "results.csv").symlink_to(path)
    return read_rows(folder)


READERS = {
    "recipe": lambda path: load([path]),
    "spec": convert.find_spec,
    "list": _lists,
    "evaluation": _evaluation,
    "rows": _rows,
    "model": Checkpoint.load,
    "weights": formats.read,
    "image": read,
}


@posix
@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_special_files(tmp_path, name, kind):
    """A pipe would be waited for, and /dev/zero has no end."""
    path = tmp_path / "it.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(OSRError) as caught:
        READERS[name](path)
    assert (
        "it.json" in str(caught.value)
        or "evaluation.json" in str(caught.value)
        or ("results.csv" in str(caught.value))
    )


@pytest.mark.parametrize("limit", [2**17, 2**20])
def test_a_row_with_a_field_of_200_kb(tmp_path, limit):
    """Also where another library has raised the limit of the csv module."""
    header = "model,column,image,input_psnr,psnr,input_ssim,ssim,width,height,seconds\n"
    (tmp_path / "results.csv").write_text(f"{header}{'x' * 200_000},a,b,1,1,1,1,1,1,1\n")
    before = csv.field_size_limit(limit)
    try:
        with pytest.raises(OptionError, match=r"results\.csv: line \d+ is not a row"):
            read_rows(tmp_path)
    finally:
        csv.field_size_limit(before)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "in" / "sub" / "a.png"
    path.parent.mkdir(parents=True)
    write(path, Picture(np.full((8, 8, 3), 99, np.uint8)))
    return path


@posix
def test_a_link_in_the_output_folder(tmp_path, photo):
    """Results stay below the output folder."""
    outside, output = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    output.mkdir()
    (output / "sub").symlink_to(outside)
    results = degrade_files(tmp_path / "in", output, "none", recursive=True)
    assert "leads out of" in results[0].error
    assert not list(outside.iterdir())


@posix
def test_a_link_in_place_of_a_result(tmp_path, photo):
    """The link is replaced; the file that it leads to stays."""
    target, output = tmp_path / "precious.png", tmp_path / "out"
    target.write_bytes(b"precious")
    output.mkdir()
    (output / "a.png").symlink_to(target)
    assert degrade_files(photo, output, "none")[0].error is None
    assert target.read_bytes() == b"precious"
    assert not (output / "a.png").is_symlink()


def test_an_empty_output(photo):
    with pytest.raises(OptionError, match="--output is empty"):
        plan(photo, "")


@posix
@pytest.mark.parametrize("stem", ["x" * 251, "-rf", "a\nosr: done", "\x1b[2J", "山" * 83, "."])
def test_odd_names(tmp_path, photo, stem):
    """Names of 255 bytes, of options, of escape sequences."""
    path = tmp_path / "in" / f"{stem}.png"
    path.write_bytes(photo.read_bytes())
    done = CliRunner().invoke(
        cli, ["degrade", str(path), "--degradation", "none", "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert [p.name for p in (tmp_path / "out").iterdir()] == [path.name]
    assert all(line.isprintable() for line in done.output.splitlines())


@posix
def test_a_name_that_is_not_utf8(tmp_path, photo):
    path = os.fsencode(tmp_path / "in") + b"/\xff\xfe.png"
    try:
        Path(os.fsdecode(path)).write_bytes(photo.read_bytes())
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    command = [sys.executable, "-m", "osr.cli", "degrade", path, "--degradation", "none",
               "-o", tmp_path / "out"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0
    assert rb"\udcff\udcfe.png" in done.stdout
    assert os.listdir(os.fsencode(tmp_path / "out")) == [b"\xff\xfe.png"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["--help"]])
def test_full_output(arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "osr.cli", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "osr: output cannot be written: No space left on device\n"


@pytest.mark.parametrize("place", ["../../other", "/tmp/other"])
def test_an_evaluation_whose_pictures_lie_elsewhere(tmp_path, place):
    """Its report would show files of the system, or write over them."""
    picture = {"column": "a", "image": "b", "rank": "best", "folder": place}
    data = {"version": 2, "models": [], "columns": [], "pictures": [picture]}
    (tmp_path / "evaluation.json").write_text(json.dumps(data))
    with pytest.raises(OptionError, match="leads out of its folder"):
        Description.load(tmp_path)


def test_a_depth_map_of_terabytes(tmp_path):
    """The header of a .npy file of 1 KB declares 8 TB."""
    path = tmp_path / "depth.npy"
    np.save(path, np.ones((4, 4)))
    path.write_bytes(path.read_bytes().replace(b"(4, 4), }", b"(1000000, 1000000), }")[:128])
    with pytest.raises(ImageError, match=r"depth\.npy: cannot be read"):
        Item("a", path, depth=path).load_depth()


@posix
def test_warnings_of_decoders(tmp_path):
    """libpng would write its own line about a profile that is too short."""
    pixels = np.random.default_rng(0).integers(0, 65536, (8, 8, 3)).astype(np.uint16)
    write(tmp_path / "a.png", Picture(pixels))
    content, profile = (tmp_path / "a.png").read_bytes(), b"iCCPx\0\0" + zlib.compress(b"junk")
    chunk = struct.pack(">I", len(profile) - 4) + profile + struct.pack(">I", zlib.crc32(profile))
    (tmp_path / "a.png").write_bytes(content[:33] + chunk + content[33:])
    command = [sys.executable, "-m", "osr.cli", "degrade", tmp_path / "a.png",
               "--degradation", "none", "-o", tmp_path / "out"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""


def test_what_a_killed_process_left(tmp_path, photo):
    """Its temporary file is removed a day later; that of a process at work stays."""
    output = tmp_path / "out"
    output.mkdir()
    old, new = output / ".osr-1.png", output / ".osr-2.png"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    degrade_files(photo, output, "none")
    assert {path.name for path in output.iterdir()} == {".osr-2.png", "a.png"}
