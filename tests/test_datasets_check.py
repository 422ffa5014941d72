"""``osr data`` verifies a copy of a data set, and lists where to download one."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from dataset_trees import paint, paint_pairs

from osr.cli.data import data
from osr.datasets import catalogue, check
from osr.images import Picture, write
from osr_core.errors import ImageError, OptionError


def _sots(root, count, error=41):
    """Pairs whose PSNR is 20 log10(255 / error)."""
    for number in range(count):
        paint(root / f"hazy/{number:04}_0.8_0.2.png", 20 + error, width=4, height=4)
        paint(root / f"gt/{number:04}.png", 20, width=4, height=4)
    return root


def test_partial_set_is_a_warning(tmp_path):
    report = check("sots-outdoor", _sots(tmp_path, 3, error=41))
    (split,) = report.splits
    assert report.ok
    assert (split.split, split.images, split.expected, split.read) == ("test", 3, 500, 3)
    assert split.psnr == pytest.approx(20 * np.log10(255 / 41), abs=1e-6)
    assert "3 of 500" in split.warnings[0]
    assert len(split.warnings) == 1


def test_partial_set_far_from_the_published_mean_is_warned_of(tmp_path):
    report = check("sots-outdoor", _sots(tmp_path, 3, error=4))
    assert report.ok
    assert "but 15.92 is published (RGB, crop 0, 8-bit)" in report.splits[0].warnings[1]


@pytest.mark.parametrize(("error", "right"), [(104, True), (107, False)])
def test_whole_set_has_to_have_the_published_mean(error, right, tmp_path):
    for number in range(15):  # 7.79 and 7.54 dB; 7.77 is published
        paint(tmp_path / f"eval15/low/{number}.png", 20 + error)
        paint(tmp_path / f"eval15/high/{number}.png", 20)
    report = check("lol", tmp_path)
    assert report.ok == right
    if not right:
        assert report.splits[0].errors[0].startswith("mean input PSNR 7.54 dB, but 7.77")


def test_too_many_images(tmp_path):
    for number in range(6):
        paint(tmp_path / f"{number}.png", number)
    report = check("set5", tmp_path)
    assert not report.ok
    assert "6 images, but only 5 are public" in report.splits[0].errors[0]


def test_missing_unreadable_unequal_and_clean(tmp_path):
    paint_pairs(tmp_path, {f"input/{n}.png": f"gt/{n}.png" for n in range(6)})
    (tmp_path / "gt/0.png").unlink()
    (tmp_path / "input/1.png").write_bytes((tmp_path / "input/1.png").read_bytes()[:40])
    paint(tmp_path / "gt/2.png", 9, width=13)
    paint(tmp_path / "input/3.png", 77)
    paint(tmp_path / "gt/3.png", 77)
    (split,) = check("pairs", tmp_path).splits
    assert (split.split, split.images, split.expected) == ("all", 5, None)
    for line, text in zip(
        split.errors,
        ("0.png: its ground truth gt/0 is missing", "1.png: ", "13x8", "equals its ground truth"),
        strict=True,
    ):
        assert text in line


def test_splits_are_separated_where_the_folder_does(tmp_path):
    paint_pairs(tmp_path, {"our485/low/2.png": "our485/high/2.png"})
    report = check("lol", tmp_path)
    assert ([s.split for s in report.splits], report.missing) == (["train"], ("test",))
    paint_pairs(tmp_path, {"eval15/low/1.png": "eval15/high/1.png"})
    report = check("lol", tmp_path)
    assert [s.split for s in report.splits] == ["train", "test"]
    assert [s.published for s in report.splits] == [None, 7.77]


def test_a_split_is_not_read_by_the_layout_of_the_other(tmp_path):
    paint_pairs(tmp_path, {"rainy/rain-001.png": "norain-001.png"})
    report = check("rain100l", tmp_path)
    assert ([s.split for s in report.splits], report.missing) == (["test"], ("train",))
    assert report.ok


def test_sample_reads_a_few_images_of_the_whole_set(tmp_path):
    seen = []
    _sots(tmp_path, 10)
    report = check("sots-outdoor", tmp_path, 4, lambda *progress: seen.append(progress))
    assert (report.splits[0].images, report.splits[0].read) == (10, 4)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(OptionError, match="sample must be at least 1"):
        check("sots-outdoor", tmp_path, sample=0)


def test_depth_of_another_size(tmp_path):
    paint(tmp_path / "image/1.png", 50)
    write(paint(tmp_path / "depth/1.png", 9), Picture(np.full((3, 3), 9, np.uint16)))
    assert "is not of the size of" in check("rgbd", tmp_path).splits[0].errors[0]


def test_nothing_there(tmp_path):
    with pytest.raises(ImageError, match="looked for"):
        check("lol", tmp_path)


def _run(*arguments):
    return CliRunner().invoke(data, [str(a) for a in arguments], standalone_mode=False)


def test_check_command(tmp_path):
    paint_pairs(tmp_path, {f"input/{n}.png": f"gt/{n}.png" for n in range(20)})
    run = _run("check", "pairs", tmp_path)
    assert run.return_value == 0
    assert "pairs all: 20 images, 20 read, mean input PSNR 8.49 dB" in run.output
    assert run.output.endswith("OK\n")
    for number in range(12):
        (tmp_path / f"gt/{number}.png").unlink()
    run = _run("check", "pairs", tmp_path)
    assert run.return_value == 1
    assert run.output.count("error: ") == 11
    assert "error: and 2 more" in run.output
    run = _run("check", "pairs", tmp_path, "--json")
    report = json.loads(run.output)
    assert (run.return_value, report["ok"]) == (1, False)
    assert len(report["splits"][0]["errors"]) == 12
    assert isinstance(_run("check", "pairs", tmp_path / "nowhere").exception, ImageError)


def test_list_command():
    every = _run("list").output
    for one in catalogue().values():
        assert f"{one.name}\n  title " in every
        assert one.url in every
        assert one.terms in every
    one = _run("list", "sots-indoor").output
    assert re.search("  images +500 test\n", one)
    assert "SOTS/indoor/nyuhaze500/hazy/{id}_{haze} -> SOTS/indoor/nyuhaze500/gt/{id}" in one
    assert "11.97 dB (RGB, crop 0, 8-bit)" in one
    assert len(_run("list", "--names").output.splitlines()) == len(catalogue())
    described = json.loads(_run("list", "--json").output)
    assert [entry["name"] for entry in described] == list(catalogue())
    assert json.loads(_run("list", "gopro", "--json").output)["counts"]["test"] == 1111
    assert isinstance(_run("list", "gopor").exception, OptionError)
