"""Large TIFF files by rows: the same pixels and metadata as at once, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from image_files import exif, random, tag
from PIL import Image, ImageCms

import osr
from osr.images import Picture, read, stream, write
from osr.images.tiff_rows import TiffRows
from osr_core.errors import ImageError

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
HEIGHT = 203


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osr.images.tiff_rows.STREAMED_BYTES", 3000)
    monkeypatch.setattr("osr.images.tiff_rows._SPLIT_BYTES", 700)


def _by_tifffile(pixels: Any, **options: Any) -> Any:
    return lambda path: tifffile.imwrite(path, pixels, **options)


def _by_pillow(image: Image.Image, **options: Any) -> Any:
    return lambda path: image.save(path, "TIFF", **options)


def _by_opencv(path: Path) -> None:
    rows = [cv2.IMWRITE_TIFF_ROWSPERSTRIP, 16]
    cv2.imwrite(str(path), random(4, np.uint16, HEIGHT), rows)


RGB = random(3, height=HEIGHT)
DEEP = random(3, np.uint16, HEIGHT)
TURNED = {n: {"extratags": [(274, "H", 1, n, True)], "rowsperstrip": 10} for n in (2, 3, 4)}
PLANES = np.moveaxis(DEEP, 2, 0).copy()
COLOUR = {"photometric": "rgb"}

FILES = {
    "one plain strip": _by_tifffile(RGB, **COLOUR),
    "one plain strip of each plane": _by_tifffile(PLANES, planarconfig="separate", **COLOUR),
    "big-endian strips": _by_tifffile(DEEP, rowsperstrip=7, byteorder=">", **COLOUR),
    "deflate": _by_tifffile(RGB, rowsperstrip=16, compression="zlib", predictor=True, **COLOUR),
    "tiles": _by_tifffile(RGB, tile=(32, 16), **COLOUR),
    "tiles of planes": _by_tifffile(PLANES, tile=(16, 16), planarconfig="separate", **COLOUR),
    "BigTIFF tiles": _by_tifffile(DEEP, tile=(16, 32), bigtiff=True, **COLOUR),
    "grey whose 0 is white": _by_tifffile(DEEP[..., 0], rowsperstrip=9, photometric="miniswhite"),
    "16-bit LZW with alpha": _by_opencv,
    "LZW": _by_pillow(Image.fromarray(RGB), compression="tiff_lzw", tiffinfo={278: 20}),
    "JPEG": _by_pillow(Image.fromarray(RGB), compression="jpeg", tiffinfo={278: 16}),
    "palette": _by_pillow(Image.fromarray(RGB).quantize(8), tiffinfo={278: 20}),
    "CMYK": _by_pillow(Image.fromarray(RGB).convert("CMYK"), tiffinfo={278: 20}, icc_profile=SRGB),
    **{f"orientation {n}": _by_tifffile(RGB, **COLOUR, **TURNED[n]) for n in TURNED},
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_rows_are_those_of_the_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.tif"
    FILES[kind](path)
    whole, rows = read(path), stream(path)
    assert isinstance(rows.pixels, TiffRows)
    assert rows.pixels.shape == whole.pixels.shape
    assert rows.pixels.dtype == whole.pixels.dtype
    for first, last in ((0, 1), (0, 203), (31, 64), (190, 203), (100, 300)):
        np.testing.assert_array_equal(rows.pixels[first:last], whole.pixels[first:last])
    assert (rows.icc, rows.xmp, rows.dpi) == (whole.icc, whole.xmp, whole.dpi)


@pytest.mark.parametrize("big", [False, True])
def test_metadata_and_pages(tmp_path: Path, big: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    monkeypatch.setattr("osr.images.encoding._STRIP_BYTES", 500)
    if big:
        monkeypatch.setattr("osr.images.encoding._TIFF_BYTES", 0)
    write(path, Picture(RGB, SRGB, exif(), b"<x/>", (300, 150)))
    found = stream(path)
    assert isinstance(found.pixels, TiffRows)
    assert (found.icc, found.xmp, found.dpi) == (SRGB, b"<x/>", (300, 150))
    assert tag(found.exif, 271) == "Maker"
    if not big:
        assert tag(found.exif, 37500, 34665) == b"note" * 5
    with tifffile.TiffWriter(path, bigtiff=big) as writer:
        for pixels in (RGB[::-1], RGB):
            writer.write(pixels, photometric="rgb", resolution=(72, 72))
    assert stream(path).note == "first of 2 frames"
    second = stream(path, page=1)
    np.testing.assert_array_equal(second.pixels[:], RGB)
    assert (second.note, second.dpi) == (None, (72, 72))


def test_what_has_no_rows_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(RGB).save(path, compression="tiff_lzw", tiffinfo={278: HEIGHT})
    assert isinstance(stream(path).pixels, np.ndarray)
    tifffile.imwrite(path, RGB, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    assert stream(path).pixels.shape == (18, HEIGHT, 3)
    tifffile.imwrite(path, RGB[:10], photometric="rgb")
    assert isinstance(stream(path).pixels, np.ndarray)


def test_corrupted_rows_and_sizes_beyond_the_limit(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB, rowsperstrip=16, compression="zlib", photometric="rgb")
    with pytest.raises(ImageError, match=r"a\.tif: 18 × 203 pixels are more than the limit"):
        stream(path, 3000)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages.first.dataoffsets[5]
    data = bytearray(path.read_bytes())
    data[offset : offset + 9] = b"corrupted"
    path.write_bytes(data)
    rows = stream(path).pixels
    np.testing.assert_array_equal(rows[:80], RGB[:80])
    with pytest.raises(ImageError, match=r"a\.tif: cannot be read"):
        rows[80:96]
    (result,) = osr.restore_files(path, tmp_path / "out", model=tiny_model)
    assert result.error is not None
    assert result.error.startswith(f"{path}: cannot be read")
    assert not list((tmp_path / "out").iterdir())
    path.write_bytes(data[:-500])
    with pytest.raises(ImageError, match=r"a\.tif: "):
        stream(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_restored_by_rows_as_at_once(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: type[np.generic]
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", random(3, dtype, HEIGHT), rowsperstrip=16, photometric="rgb"
    )
    (streamed,) = osr.restore_files(
        tmp_path / "a.tif", tmp_path / "rows", model=tiny_model, tile=64
    )
    assert streamed.error is None
    monkeypatch.setattr("osr.images.tiff_rows.STREAMED_BYTES", 1 << 30)
    osr.restore_files(tmp_path / "a.tif", tmp_path / "whole", model=tiny_model, tile=64)
    found = [read(tmp_path / each / "a.tif").pixels for each in ("rows", "whole")]
    np.testing.assert_array_equal(*found)
