"""``osr degrade`` as a user sees it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from osr.cli.degrade import degrade
from osr.datasets import items
from osr.degradations import Chain
from osr.images import Picture, read, to_levels, write
from osr_core.errors import OSRError


@pytest.fixture
def folder(tmp_path):
    """Three images, of which one is degraded, and one of 16 bit with alpha."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    rng = np.random.default_rng(0)
    write(inputs / "a.png", Picture(rng.integers(0, 256, (20, 30, 3), np.uint8)))
    write(inputs / "c.png", Picture(rng.integers(0, 65536, (24, 18, 4), np.uint16)))
    (inputs / "b.jpg").write_text("not a picture")
    return inputs


def osr(*arguments):
    """Exit status and output, with errors as the command line prints them."""
    result = CliRunner().invoke(degrade, [str(each) for each in arguments], standalone_mode=False)
    if result.exception is not None:
        assert isinstance(result.exception, OSRError), result.exception
        return 2, str(result.exception)
    return result.return_value, result.output


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_with_a_bad_file_and_a_rerun(folder, tmp_path):
    chain = ("--degradation", "noise:25+jpeg:50")
    status, output = osr(folder, *chain, "-o", tmp_path / "x")
    assert status == 2
    assert all(text in output for text in ("b.jpg", "2 degraded, 1 failed", "noise:25+jpeg:50"))
    assert sorted(contents(tmp_path / "x")) == ["a.png", "c.png"]
    osr(folder, *chain, "-o", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "x")
    osr(folder, *chain, "-o", tmp_path / "other", "--seed", 1)
    assert contents(tmp_path / "other")["a.png"] != contents(tmp_path / "x")["a.png"]


def test_degradations_are_done_in_order_with_a_seed_for_each_image(folder, tmp_path):
    steps = "--degradation", "rain:0.5", "--degradation", "noise:25"
    osr(folder, *steps, "-o", tmp_path / "x", "--seed", 7)
    clear = (read(folder / "c.png").pixels[..., :3] / 257).round().astype(np.float32) / 255
    rng = np.random.default_rng([7, 2])  # the third of the inputs, though the second failed
    degraded, _ = Chain.parse("rain:0.5+noise:25")(clear, rng)
    np.testing.assert_array_equal(read(tmp_path / "x" / "c.png").pixels, to_levels(degraded))


def test_pairs_are_a_test_set(folder, tmp_path):
    (folder / "b.jpg").unlink()
    options = "--degradation", "jpeg:5", "--pairs", "--format", "jpg", "--json"
    status, output = osr(folder, *options, "-o", tmp_path / "set")
    assert status == 0
    summary = json.loads(output)
    assert (summary["degraded"], summary["failed"], summary["degradation"]) == (2, 0, "jpeg:5")
    names = sorted(contents(tmp_path / "set"))
    assert names == ["gt/a.png", "gt/c.png", "input/a.jpg", "input/c.jpg"]
    truth = read(tmp_path / "set" / "gt" / "a.png").pixels
    np.testing.assert_array_equal(truth, read(folder / "a.png").pixels)
    found = items("pairs", tmp_path / "set")
    assert len(found) == 2
    degraded, clear = found[0].load()
    np.testing.assert_array_equal(clear, truth)
    assert np.abs(degraded.astype(int) - clear).mean() > 3


def test_a_single_file_in_the_format_of_its_name(folder, tmp_path):
    assert osr(folder / "a.png", "--degradation", "none", "-o", tmp_path / "out.tiff")[0] == 0
    np.testing.assert_array_equal(read(tmp_path / "out.tiff").pixels, read(folder / "a.png").pixels)


def test_from_python_grey_leads_to_grey_pairs(folder, tmp_path):
    import osr

    source = folder / "a.png"
    (result,) = osr.degrade_files(source, tmp_path / "set", "grey+noise:25", pairs=True)
    assert (result.error, result.width, result.height) == (None, 30, 20)
    truth = read(tmp_path / "set" / "gt" / "a.png").pixels
    np.testing.assert_array_equal(truth[..., 0], truth[..., 2])
    noisy = read(result.output).pixels.astype(int)
    assert (noisy - truth).std() > 15
    with pytest.raises(OSRError, match="seed must be at least 0"):
        osr.degrade_files(source, tmp_path / "set", "noise:25", seed=-1)


def test_haze_by_depth_maps(folder, tmp_path):
    maps = tmp_path / "depth"
    maps.mkdir()
    np.save(maps / "a.npy", np.linspace(1, 9, 600).reshape(20, 30))
    status, message = osr(folder, "--degradation", "haze:2", "--depth", maps, "-o", tmp_path / "x")
    assert status == 2
    assert "c.png: --depth has no map of that name" in message
    hazy = read(tmp_path / "x" / "a.png").pixels.astype(int)
    airlight = round(0.9 * 255)
    assert np.abs(hazy[-3:] - airlight).mean() < 0.5 * np.abs(hazy[:3] - airlight).mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--degradation", "nois:25"], "did you mean noise"),
        (["--degradation", "noise:25", "--depth", "absent"], "absent: no such folder"),
    ],
)
def test_bad_options_write_nothing(folder, tmp_path, options, message):
    status, output = osr(folder, *options, "-o", tmp_path / "x")
    assert status == 2
    assert message in output
    assert not (tmp_path / "x").exists()
