"""Files of several pages or frames."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from osr.degradations.files import degrade_files
from osr.images import page_count, read
from osr_core.errors import ImageError, OptionError

LEVELS = (10, 120, 240)


@pytest.fixture(params=["a.gif", "a.webp", "a.png", "a.tif", "deep.tif", "big.tif"])
def file(request, tmp_path):
    """Three even pages."""
    path = tmp_path / request.param
    if path.suffix == ".tif":
        kind, factor = (np.uint16, 257) if path.stem == "deep" else (np.uint8, 1)
        with tifffile.TiffWriter(path, bigtiff=path.stem == "big") as writer:
            for index, level in enumerate(LEVELS):
                pixels = np.full((8, 9 + index, 3), level * factor, kind)
                writer.write(pixels, photometric="rgb")
        return path
    first, *rest = (Image.new("RGB", (9, 8), (level,) * 3) for level in LEVELS)
    options = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=rest, **options)
    return path


def test_each_page_can_be_read(file):
    assert page_count(file) == 3
    for page, level in enumerate(LEVELS):
        picture = read(file, page=page)
        scale = 257 if picture.pixels.dtype == np.uint16 else 1
        assert np.unique(picture.pixels[..., :3]).tolist() == [level * scale]
        assert picture.pixels.shape[0] == 8
        assert picture.note is None
    first = read(file)
    assert np.array_equal(first.pixels, read(file, page=0).pixels)
    assert "first of 3" in first.note


def test_a_page_that_is_not_there(file):
    with pytest.raises(ImageError, match=str(file)):
        read(file, page=3)


def test_all_pages(file, tmp_path):
    results = degrade_files(file, tmp_path / "out", "none", pages=True)
    assert [result.error or result.note for result in results] == [None] * 3
    names = [f"{file.stem}-{number}.png" for number in (1, 2, 3)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for name, level in zip(names, LEVELS, strict=True):
        assert np.unique(read(tmp_path / "out" / name).pixels).tolist() == [level]


def test_one_page_keeps_its_name_and_several_need_a_folder(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8))
    degrade_files(path, tmp_path / "b.png", "none", pages=True)
    assert (tmp_path / "b.png").exists()
    tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8), photometric="minisblack")
    with pytest.raises(OptionError, match="there are 2 images; give a folder"):
        degrade_files(path, tmp_path / "c.png", "none", pages=True)


def test_what_cannot_be_read_is_reported_once(tmp_path):
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    results = degrade_files(tmp_path / "a.gif", tmp_path / "out", "none", pages=True)
    assert len(results) == 1
    assert "a.gif" in results[0].error
