"""Reading image files: of others' making, turned, degraded, too large, or no images at all."""

from __future__ import annotations

import struct
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from image_files import assert_same, exif, holds, png, random, tag
from PIL import Image, ImageCms, ImageOps

from osr.images import SUFFIXES, Picture, read, write
from osr_core.errors import ImageError

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path: Path, orientation: int) -> None:
    image, block = Image.fromarray(random(3)), exif(orientation)
    image.save(tmp_path / "a.png", exif=block)
    image.save(tmp_path / "a.webp", exif=block, lossless=True)
    image.save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    deep = random(3).astype(np.uint16) * 257
    (tmp_path / "deep.png").write_bytes(png(deep, 2, (b"eXIf", block)))
    turned = [(274, "H", 1, orientation, True)]
    for big in (False, True):
        for name, pixels in (("a", random(3)), ("deep", deep)):
            path = tmp_path / f"{name}{'.tiff' if big else '.tif'}"
            tifffile.imwrite(path, pixels, photometric="rgb", extratags=turned, bigtiff=big)
    with Image.open(tmp_path / "a.png") as opened:
        expected = np.array(ImageOps.exif_transpose(opened))
    for path in sorted(tmp_path.iterdir()):
        found = read(path)
        assert found.pixels.shape == expected.shape
        if path.suffix != ".jpg":
            scale = 257 if path.stem == "deep" else 1
            np.testing.assert_array_equal(found.pixels, expected.astype(np.uint16) * scale)
        assert tag(found.exif, 274) in (None, 1)


def test_palette_1_bit_and_cmyk(tmp_path: Path) -> None:
    colour = Image.new("RGB", (6, 4), (200, 30, 60))
    palette, bilevel = colour.quantize(4), Image.fromarray(random(1)).convert("1")
    for suffix in ("png", "tif", "bmp"):
        palette.save(tmp_path / f"p.{suffix}")
        bilevel.save(tmp_path / f"b.{suffix}")
        assert_same(tmp_path / f"p.{suffix}", np.array(palette.convert("RGB")))
        assert_same(tmp_path / f"b.{suffix}", np.array(bilevel.convert("L")))
    palette.save(tmp_path / "t.png", transparency=palette.getpixel((0, 0)))
    assert read(tmp_path / "t.png").pixels[0, 0, 3] == 0
    Image.fromarray(random(1)).save(tmp_path / "g.png", transparency=0)
    assert read(tmp_path / "g.png").pixels.shape == (13, 18, 2)
    colour.convert("CMYK").save(tmp_path / "c.jpg", quality=100, icc_profile=SRGB)  # not CMYK's
    found = read(tmp_path / "c.jpg")
    np.testing.assert_allclose(found.pixels[2, 2], (200, 30, 60), atol=4)
    assert found.icc is None


def test_tiff_of_others(tmp_path: Path) -> None:
    path, deep = tmp_path / "a.tif", random(4, np.uint16)
    rgb: dict[str, Any] = {"photometric": "rgb"}
    cv2.imwrite(str(path), deep[..., [2, 1, 0, 3]])  # LZW, and no word on what the 4th channel is
    assert_same(path, deep)
    planes = np.moveaxis(deep[..., :3], 2, 0).copy()
    tifffile.imwrite(path, planes, planarconfig="separate", byteorder=">", **rgb)
    assert_same(path, deep[..., :3])
    tifffile.imwrite(path, deep[..., 0], photometric="miniswhite")
    assert_same(path, 65535 - deep[..., 0])
    tifffile.imwrite(path, deep, extrasamples=["unspecified"], **rgb)
    assert_same(path, deep[..., :3])
    half = np.full((4, 5, 4), 32768, np.uint16)
    tifffile.imwrite(path, half, extrasamples=["assocalpha"], **rgb)
    assert_same(path, half + np.array([32767, 32767, 32767, 0], np.uint16))


def test_first_of_several(tmp_path: Path) -> None:
    first, second = Image.fromarray(random(3)), Image.new("RGB", (18, 13))
    for suffix in ("tif", "webp", "png"):
        path = tmp_path / f"a.{suffix}"
        first.save(path, save_all=True, append_images=[second], lossless=True)
        assert_same(path, random(3))
        assert read(path).note == "first of 2 frames"
    first.save(tmp_path / "b.png")
    assert read(tmp_path / "b.png").note is None


def _close(path: Path, pixels: Any, most: float) -> None:
    found = read(path).pixels
    assert found.dtype == pixels.dtype
    assert found.shape == pixels.shape
    assert np.abs(found.astype(float) - pixels).mean() < most


def smooth(dtype: type[np.generic] = np.uint8) -> Any:
    """What lossy formats keep well, in three different channels."""
    rows, columns = np.mgrid[:48, :64]
    ramps = np.dstack((rows / 47, columns / 63, 1 - rows / 47))
    return np.rint(ramps * np.iinfo(dtype).max).astype(dtype)


def test_gif(tmp_path: Path) -> None:
    frames = [Image.fromarray(random(1) // level).convert("P") for level in (2, 3, 4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert_same(tmp_path / "a.gif", np.array(frames[0].convert("RGB")))
    assert read(tmp_path / "a.gif").note == "first of 3 frames"
    frames[0].save(tmp_path / "b.gif", transparency=int(random(1)[0, 0] // 2))
    assert read(tmp_path / "b.gif").pixels[0, 0, 3] == 0


@pytest.mark.parametrize("suffix", ["jp2", "j2k"])
def test_jpeg_2000(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(random(3)).save(tmp_path / f"a.{suffix}")  # lossless
    assert_same(tmp_path / f"a.{suffix}", random(3))
    if suffix == "jp2":
        deep = smooth(np.uint16)
        cv2.imwrite(str(tmp_path / "d.jp2"), deep[..., ::-1])
        _close(tmp_path / "d.jp2", deep, 200)
        cv2.imwrite(str(tmp_path / "g.jp2"), deep[..., 0])
        _close(tmp_path / "g.jp2", deep[..., 0], 200)
        stream = (tmp_path / "g.jp2").read_bytes()
        (tmp_path / "g.j2k").write_bytes(stream[stream.index(b"\xff\x4f\xff\x51") :])
        _close(tmp_path / "g.j2k", deep[..., 0], 200)


def test_avif(tmp_path: Path) -> None:
    image = Image.fromarray(smooth())
    try:
        image.save(tmp_path / "a.avif", quality=95, exif=exif(6), icc_profile=SRGB)
    except (KeyError, OSError):
        pytest.skip("Pillow without AVIF")
    _close(tmp_path / "a.avif", np.rot90(smooth(), -1), 5)
    assert read(tmp_path / "a.avif").icc == SRGB


def test_heic(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    deep = smooth(np.uint16)
    heif.encode("RGB", (64, 48), smooth().tobytes(), tmp_path / "a.heic", quality=95)
    _close(tmp_path / "a.heic", smooth(), 5)
    assert read(tmp_path / "a.heic").note is None
    heif.encode("RGB;16", (64, 48), deep.tobytes(), tmp_path / "d.heic", quality=95)
    assert "bit read as 8 bit" in read(tmp_path / "d.heic").note


def test_a_format_whose_plugin_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, head, package in (
        ("pillow_heif", b"\0\0\0\x1cftypheic", r"osr\[heif\]"),
        ("pillow_jxl", b"\xff\x0a", "pillow-jxl-plugin"),
    ):
        monkeypatch.setitem(sys.modules, name, None)
        (tmp_path / "a.png").write_bytes(head + bytes(99))
        with pytest.raises(ImageError, match=rf"a\.png: .* to read it: pip install '{package}'"):
            read(tmp_path / "a.png")


@pytest.mark.parametrize("dtype", ["f2", "f4", "c8", "i2", "u4"])
def test_unusual_types_are_refused(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", random(1).astype(dtype))
    with pytest.raises(ImageError, match=r"a\.tif: .*save it with 8 or 16 bit"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_cut_off_files_are_refused(tmp_path: Path, suffix: str, dtype: str) -> None:
    path, pixels = tmp_path / f"a{suffix}", random(3, height=200).astype(dtype)
    if not holds(suffix, pixels):
        return
    write(path, Picture(pixels))
    whole = path.read_bytes()
    for share in (0.02, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ImageError, match=rf"a{suffix}: [^\n]*$"):
            read(path)


def test_uncompressed_tiff_cut_off(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        tifffile.imwrite(tmp_path / "a.tif", random(3, dtype), photometric="rgb")
        (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-100])
        with pytest.raises(ImageError, match=r"a\.tif: "):
            read(tmp_path / "a.tif")


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "film.heic").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2mp41")
    (tmp_path / "zero.png").write_bytes(png(random(3)[:0], 2))
    for name, reason in {
        "folder.png": "is a folder",
        "missing.png": "no such file",
        "empty.png": "is empty",
        "text.png": "is not an image",
        "film.heic": "is not an image",
        "zero.png": "",
    }.items():
        with pytest.raises(ImageError, match=rf"{name}: .*{reason}"):
            read(tmp_path / name)


def test_a_file_that_may_not_be_read_is_not_called_corrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    write(tmp_path / "a.png", Picture(random(3)))
    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(ImageError, match=r"a\.png: cannot be read: Permission denied$"):
        read(tmp_path / "a.png")


def test_content_decides_on_the_format(tmp_path: Path) -> None:
    write(tmp_path / "a.bmp", Picture(random(3)))
    (tmp_path / "a.bmp").rename(tmp_path / "a.JPG")
    assert_same(tmp_path / "a.JPG", random(3))


def test_size_is_limited_before_decoding(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    header_only = png(np.zeros((1, 1, 3), np.uint8), 2)[8:33]
    header_only = header_only.replace(struct.pack(">2L", 1, 1), struct.pack(">2L", 30_000, 30_000))
    body = header_only[4:21]
    start = b"\x89PNG\r\n\x1a\n" + header_only[:4] + body + struct.pack(">L", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(start + struct.pack(">L", 9) + b"IDAT")
    with pytest.raises(ImageError, match="30000 × 30000 pixels are more than the limit"):
        read(tmp_path / "a.png")
    for suffix in sorted(SUFFIXES):
        write(tmp_path / f"b{suffix}", Picture(random(3)))
        with pytest.raises(ImageError, match="18 × 13 pixels are more than the limit of 100 "):
            read(tmp_path / f"b{suffix}", max_pixels=100)
    assert not recwarn.list


def test_no_warning_of_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for suffix in sorted(SUFFIXES - {".webp"}):  # Pillow's WebP asks for itself, at 179 megapixels
        write(tmp_path / f"a{suffix}", Picture(random(3)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read(tmp_path / f"a{suffix}").pixels.shape == (13, 18, 3)
