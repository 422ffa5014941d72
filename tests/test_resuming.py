"""``osr restore --resume``: what is done and whole is skipped, all else is restored."""

import os

import pytest
from click.testing import CliRunner
from image_files import random

import osr
from osr.cli.restore import restore
from osr.images import Picture, write

NAMES = ("a.png", "b.jpg", "c.tif", "d.png")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for name in NAMES:
        write(tmp_path / "in" / name, Picture(random(3)))
        os.utime(tmp_path / "in" / name, (1000, 1000))
    return tmp_path


def _restored(folder, model, **options):
    """Names of inputs that were restored."""
    results = osr.restore_files(
        folder / "in", folder / "out", model=model, resume=True, **options
    )
    assert len(results) == len(NAMES)
    assert {r.skipped for r in results if not r.output} <= {"restored before"}
    return sorted(os.path.basename(r.input) for r in results if r.output)


def test_only_what_is_missing_old_or_broken_is_restored(tiny_model, folder):
    assert _restored(folder, tiny_model) == list(NAMES)
    first = {name: (folder / "out" / name).read_bytes() for name in NAMES}
    assert _restored(folder, tiny_model) == []

    (folder / "out" / "a.png").unlink()
    (folder / "out" / "b.jpg").write_bytes(first["b.jpg"][:-200])
    os.utime(folder / "in" / "c.tif")  # changed after it was restored
    os.utime(folder / "out" / "c.tif", (2000, 2000))
    assert _restored(folder, tiny_model) == ["a.png", "b.jpg", "c.tif"]
    assert {name: (folder / "out" / name).read_bytes() for name in NAMES} == first


def test_without_it_all_are_restored(tiny_model, folder):
    for _ in range(2):
        results = osr.restore_files(folder / "in", folder / "out", model=tiny_model)
        assert all(result.output for result in results)


def test_an_interrupted_batch_is_continued(tiny_model, folder, monkeypatch):
    def interrupting(path, *args, **kwargs):
        if os.path.basename(path) == "c.tif":
            raise KeyboardInterrupt
        return write(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("osr.restorer.write", interrupting)
        with pytest.raises(KeyboardInterrupt):
            osr.restore_files(folder / "in", folder / "out", model=tiny_model)
    assert not list((folder / "out").glob(".osr-*"))
    restored = _restored(folder, tiny_model)
    assert "c.tif" in restored
    assert "a.png" not in restored  # d.png may have been written before the error was seen


def test_on_the_command_line(tiny_model, folder):
    arguments = [str(folder / "in"), "-o", str(folder / "out"), "--model", str(tiny_model)]
    for expected in ("4 restored, 0 failed", "0 restored, 0 failed, 4 skipped"):
        result = CliRunner().invoke(restore, [*arguments, "--resume"], standalone_mode=False)
        assert result.return_value == 0
        assert expected in result.stdout
