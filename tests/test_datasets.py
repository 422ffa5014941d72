"""The data sets are found in the layouts in which they are distributed, and pairs are right."""

import pickle

import numpy as np
import pytest
from dataset_trees import CLEAR, DEGRADATION, PAIRS, paint, paint_halves, paint_pairs

from osr.datasets import catalogue, find, items
from osr.datasets.catalogue import WITHOUT_FOLDER
from osr.images import Picture, write
from osr_core.errors import ImageError, OptionError


@pytest.mark.parametrize("case", PAIRS)
def test_pairs(case, tmp_path):
    name, part, pairs, names = PAIRS[case]
    found = items(name, paint_pairs(tmp_path, pairs), part)
    assert [item.name for item in found] == names
    greys = set()
    for item in found:
        degraded, truth = item.load()
        assert degraded.shape == truth.shape == (8, 12, 3)
        assert degraded.mean() - truth.mean() == pytest.approx(DEGRADATION, abs=2)
        greys.add(round(truth.mean() / 4))
    assert len(greys) == len(set(pairs.values()))


@pytest.mark.parametrize("case", CLEAR)
def test_clear_images(case, tmp_path):
    name, part, files, names = CLEAR[case]
    for file in files:
        paint(tmp_path / file, 50)
    found = items(name, tmp_path, part)
    assert [item.name for item in found] == names
    assert all(item.degraded is None and item.load()[0] is None for item in found)


@pytest.mark.parametrize(
    ("name", "part", "folder", "first_is_degraded"),
    [
        ("rain1200", "train", "DID-MDN-training/Rain_Heavy/train2018new", True),
        ("rain1200", "test", "DID-MDN-test", True),
        ("rain800", "train", "training", False),
        ("rain800", "test", "test_syn", False),
    ],
)
def test_side_by_side(name, part, folder, first_is_degraded, tmp_path):
    left, right = (150, 50) if first_is_degraded else (50, 150)
    paint_halves(tmp_path / folder / "0.png", left, right)
    (item,) = items(name, tmp_path, part)
    degraded, truth = item.load()
    assert degraded.shape == truth.shape == (8, 12, 3)
    assert (degraded.mean(), truth.mean()) == (150, 50)
    assert item.name == ("Rain_Heavy/0" if "Heavy" in folder else "0")


def test_side_by_side_needs_an_even_width(tmp_path):
    paint(tmp_path / "test_syn" / "0.png", 50, width=11)
    with pytest.raises(ImageError, match="side by side: it is 11 pixels wide"):
        items("rain800", tmp_path)[0].load()


def test_realblur_follows_the_lists_of_its_authors(tmp_path):
    folder = "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"
    rows = {"train": "scene001", "test": "scene002"}
    for part, scene in rows.items():
        pairs = {f"{folder}/{scene}/blur/blur_1.png": f"{folder}/{scene}/gt/gt_1.png"}
        paint_pairs(tmp_path, pairs)
        lines = [f"{truth} {degraded}\n" for degraded, truth in pairs.items()]
        (tmp_path / f"RealBlur_J_{part}_list.txt").write_text("".join(lines))
    for part, scene in rows.items():
        (item,) = items("realblur-j", tmp_path, part)
        assert (item.degraded.parts[-3:], item.truth.parts[-3:]) == (
            (scene, "blur", "blur_1.png"),
            (scene, "gt", "gt_1.png"),
        )
    with pytest.raises(ImageError, match="looked for RealBlur_R_test_list.txt"):
        items("realblur-r", tmp_path)


def test_root_may_be_any_of_the_leading_folders(tmp_path):
    pairs = {"SOTS/indoor/nyuhaze500/hazy/1_1.png": "SOTS/indoor/nyuhaze500/gt/1.png"}
    paint_pairs(tmp_path, pairs)
    for root in ("", "SOTS", "SOTS/indoor", "SOTS/indoor/nyuhaze500"):
        assert [item.name for item in items("sots-indoor", tmp_path / root)] == ["1_1"]


def test_training_images_are_not_taken_for_test_images(tmp_path):
    pairs = {"LOL/our485/low/1.png": "LOL/our485/high/1.png"}
    paint_pairs(tmp_path, pairs)
    assert items("lol", tmp_path / "LOL/our485", "train")
    paint_pairs(tmp_path, {"GOPRO_Large/train/S/blur/1.png": "GOPRO_Large/train/S/sharp/1.png"})
    with pytest.raises(ImageError, match="holds no test images of gopro"):
        items("gopro", tmp_path / "GOPRO_Large/train", "test")
    assert items("gopro", tmp_path / "GOPRO_Large/train", "train")


def test_names_of_folders_may_differ_in_case_and_hidden_files_do_not_count(tmp_path):
    paint_pairs(tmp_path, {"Hide_Dataset/Test/close/1.png": "Hide_Dataset/gt/1.png"})
    (tmp_path / "Hide_Dataset/Test/close/._1.png").write_bytes(b"")
    assert [item.name for item in items("hide", tmp_path)] == ["close/1"]


def test_larger_ground_truth_is_cut_around_the_centre_where_that_is_the_protocol(tmp_path):
    paint(tmp_path / "hazy/1_1.png", 90, width=12, height=8)
    truth = paint(tmp_path / "gt/1.png", 200, width=16, height=12)
    pixels = np.full((12, 16, 3), 200, np.uint8)
    pixels[2:10, 2:14] = 30
    write(truth, Picture(pixels))
    (item,) = items("sots-indoor", tmp_path)
    assert (item.load()[1] == 30).all()
    (tmp_path / "hazy/1_1.png").rename(tmp_path / "hazy/1.png")
    with pytest.raises(ImageError, match="is 12x8 pixels, but its ground truth .* is 16x12"):
        items("pairs", tmp_path)[0].load()


def test_missing_ground_truth_is_named(tmp_path):
    paint_pairs(tmp_path, {"rainy/rain-001.png": "norain-001.png"})
    paint(tmp_path / "rainy/rain-002.png", 9)
    with pytest.raises(ImageError, match=r"rain-002.png: its ground truth .*norain-002 is missing"):
        items("rain100l", tmp_path)


def test_what_was_looked_for_is_listed(tmp_path):
    with pytest.raises(ImageError) as caught:
        items("sots-indoor", tmp_path)
    message = str(caught.value)
    assert "hazy/{id}_{haze} -> SOTS/indoor/nyuhaze500/gt/{id}" in message
    assert message.endswith("input/{id} -> gt/{id}")
    assert "\n" not in message


def test_bad_names_splits_and_folders(tmp_path):
    with pytest.raises(OptionError, match="did you mean sots-indoor"):
        items("sots-indor", tmp_path)
    with pytest.raises(OptionError, match="did you mean rain100l or rain100h"):
        find("rain100")
    with pytest.raises(OptionError, match="set5: has no split 'train', only test"):
        items("set5", tmp_path, "train")
    with pytest.raises(OptionError, match="expected one of train, test"):
        items("set5", tmp_path, "val")
    with pytest.raises(OptionError, match="needs a folder"):
        items("set5")
    with pytest.raises(ImageError, match="no such folder"):
        items("set5", tmp_path / "nowhere")
    with pytest.raises(ImageError, match="is no folder"):
        items("set5", paint(tmp_path / "a.png", 1))


def test_every_file_of_scikit_image_is_installed():
    for name, files in WITHOUT_FOLDER.items():
        found = items(name)
        assert [item.truth.name for item in found] == list(files)
        assert all(item.load()[1].shape[2] == 3 for item in found)


def test_scikit_image_needs_no_folder_and_items_can_be_pickled():
    found = pickle.loads(pickle.dumps(items("scikit-image")))
    assert [item.name for item in found] == ["astronaut", "chelsea", "coffee", "rocket"]
    assert found[1].load()[1].shape == (300, 451, 3)


@pytest.mark.parametrize("suffix", [".png", ".npy"])
def test_depth_has_mean_1_and_unknown_is_neutral(suffix, tmp_path):
    paint(tmp_path / "image/1.png", 50, width=4, height=1)
    (tmp_path / "depth").mkdir()
    values = np.array([[0, 1000, 2000, 3000]], np.uint16)
    if suffix == ".npy":
        np.save(tmp_path / "depth/1.npy", values)
    else:
        write(tmp_path / "depth/1.png", Picture(values))
    (item,) = items("rgbd", tmp_path)
    depth = item.load_depth()
    assert depth.dtype == np.float32
    assert depth.tolist() == [[1.0, 0.5, 1.0, 1.5]]
    assert item.load()[0] is None


def test_depth_that_is_none_is_refused(tmp_path):
    paint(tmp_path / "image/1.png", 50)
    paint(tmp_path / "depth/1.png", 0)
    (item,) = items("rgbd", tmp_path)
    with pytest.raises(ImageError, match="holds no depth above 0"):
        item.load_depth()


def _lists(root, degraded, truth):
    (root / "input.txt").write_text("\n".join(degraded) + "\n\n")
    (root / "gt.txt").write_text("\r\n".join(truth))


def test_lists_replace_the_root_of_their_authors(tmp_path):
    pairs = {"hazy/1_1.png": "gt/1.png", "hazy/1_2.png": "gt/1.png"}
    paint_pairs(tmp_path / "here", pairs)
    _lists(
        tmp_path,
        [f"/home/author/SOTS/{path}" for path in pairs],
        [f"D:\\SOTS\\{path}".replace("/", "\\") for path in pairs.values()],
    )
    names = f"{tmp_path}/input.txt,{tmp_path}/gt.txt,{tmp_path}/here"
    found = items("lists", names)
    assert [item.name for item in found] == ["1_1", "1_2"]
    both = [item.load() for item in found]
    assert [degraded.mean() - truth.mean() for degraded, truth in both] == [DEGRADATION] * 2
    with pytest.raises(ImageError, match="1_1.png is not found below"):
        items("lists", tmp_path)
    paint_pairs(tmp_path, pairs)
    assert len(items("lists", tmp_path)) == 2


def test_lists_that_do_not_fit(tmp_path):
    _lists(tmp_path, ["a.png", "b.png"], ["a.png"])
    with pytest.raises(ImageError, match="holds 2 paths, but .* holds 1"):
        items("lists", tmp_path)
    with pytest.raises(ImageError, match=r"expected INPUT.txt,GT.txt"):
        items("lists", "one.txt")
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        items("lists", f"{tmp_path}/none.txt,{tmp_path}/gt.txt")


def test_catalogue_is_complete():
    known = catalogue()
    for data in known.values():
        assert data.name == data.name.lower().strip("-")
        assert data.title
        assert data.url
        assert data.size
        assert data.terms
        assert data.splits
        bare = data.name == "lists" or data.name in WITHOUT_FOLDER
        assert all(bool(data.documented_layouts(part)) != bare for part in data.splits)
        assert str(data.protocol)
        assert (data.psnr is None) == (not data.psnr_source)
    assert pickle.loads(pickle.dumps(dict(known))) == known
