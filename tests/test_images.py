"""Image files: what is kept, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from image_files import assert_same, exif, holds, random, tag
from PIL import Image, ImageCms

from osr.images import SUFFIXES, Picture, read, write
from osr_core.errors import ImageError, OptionError

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LOSSLESS = sorted(SUFFIXES - {".jpg", ".jpeg", ".jfif"})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", LOSSLESS)
def test_pixels_survive(
    tmp_path: Path, suffix: str, channels: int, dtype: type[np.generic]
) -> None:
    path, pixels = tmp_path / f"a{suffix}", random(channels, dtype)
    if not holds(suffix, pixels):
        with pytest.raises(ImageError, match=r"a\.\w+: \w+ does not support .*use \.png or \.tiff"):
            write(path, Picture(pixels))
        assert not list(tmp_path.iterdir())
        return
    write(path, Picture(pixels, SRGB, exif()), quality=100)
    if suffix == ".webp" and channels < 3:  # has no grey
        pixels = np.dstack((pixels, pixels, pixels))[
            ..., [0, 0, 0, 1] if channels == 2 else [0] * 3
        ]
    assert_same(path, pixels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_files_read_the_same_elsewhere(tmp_path: Path, channels: int) -> None:
    pixels = random(channels, np.uint16, height=900)  # several strips
    write(tmp_path / "a.tif", Picture(pixels))
    write(tmp_path / "a.png", Picture(pixels))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)
    found = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    if channels > 1:
        found = found[..., {2: [0, 3], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]]
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".png", "u1"),
        (".png", "u2"),
        (".jpg", "u1"),
        (".webp", "u1"),
        (".tif", "u1"),
        (".tif", "u2"),
    ],
)
def test_profile_and_exif_survive(tmp_path: Path, suffix: str, dtype: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write(first, Picture(random(3).astype(dtype), SRGB, exif()))
    write(second, read(first))
    found = read(second)
    assert found.icc == SRGB
    assert tag(found.exif, 271) == "Maker"
    assert tag(found.exif, 37500, 34665) == b"note" * 5
    assert tag(found.exif, 33434, 34665) == pytest.approx(1 / 50)
    assert tag(found.exif, 2, 34853) == (48.0, 8.0, 0.5)


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_xmp_survives(tmp_path: Path, suffix: str, dtype: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    picture = Picture(random(3).astype(dtype), xmp=XMP)
    if not holds(suffix, picture.pixels):
        return
    write(first, picture)
    write(second, read(first))
    assert read(second).xmp == XMP
    assert read(second).pixels.shape == picture.pixels.shape  # its orientation turns nothing
    if dtype == "u1":
        with Image.open(second) as opened:
            assert opened.info["xmp"] == XMP


def test_xmp_says_not_rotated_once_the_pixels_are(tmp_path: Path) -> None:
    Image.fromarray(random(3)).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif(6), xmp=XMP)
    found = read(tmp_path / "a.jpg")
    assert found.pixels.shape == (18, 13, 3)
    assert found.xmp == XMP.replace(b"6", b"1", 1)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_resolution_survives(tmp_path: Path, suffix: str, dtype: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    picture = Picture(random(3).astype(dtype), dpi=(300.0, 150.0))
    if not holds(suffix, picture.pixels):
        return
    write(first, picture)
    write(second, read(first))
    assert read(second).dpi == pytest.approx((300, 150), abs=0.02)
    with Image.open(second) if dtype == "u1" else Image.open(first) as opened:
        assert opened.info["dpi"] == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("dpi", [(0, 0), (-1, 72), (1e9, 1e9), (float("nan"), 72)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_a_resolution_of_nonsense_is_left_out(
    tmp_path: Path, suffix: str, dpi: tuple[float, float]
) -> None:
    write(tmp_path / f"a{suffix}", Picture(random(3), dpi=dpi))
    assert read(tmp_path / f"a{suffix}").dpi in (None, pytest.approx((96, 96), abs=0.1))


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_chunks_on_colour_survive_in_png(tmp_path: Path, dtype: str) -> None:
    chunks = {
        b"gAMA": b"\0\0\xb1\x8f", b"cHRM": bytes(range(32)), b"sRGB": b"\0",
        b"cICP": b"\x09\x10\0\x01",
    }  # fmt: skip
    write(tmp_path / "a.png", Picture(random(3).astype(dtype), chunks=chunks))
    picture = read(tmp_path / "a.png")
    assert picture.chunks == chunks
    write(tmp_path / "b.png", picture)
    assert read(tmp_path / "b.png").chunks == chunks
    before_pixels = (tmp_path / "b.png").read_bytes().partition(b"IDAT")[0]
    assert all(name in before_pixels for name in chunks)
    write(tmp_path / "b.jpg", Picture(random(3), chunks=chunks))


def test_metadata_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", Picture(random(1), SRGB, exif() + bytes(70_000), bytes(70_000)))
    found = read(tmp_path / "a.jpg")
    assert found.icc is None
    assert found.exif is None
    assert found.xmp is None
    assert found.pixels.ndim == 2


def test_written_exif_never_says_turned(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        write(tmp_path / f"a{suffix}", Picture(random(3), exif=exif(6)))
        with Image.open(tmp_path / f"a{suffix}") as opened:
            assert opened.getexif().get(274, 1) == 1


def test_writing_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, picture = tmp_path / "a.bmp", Picture(random(3))
    write(path, picture)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ImageError, match=r"a\.bmp: cannot be written: No space left on device"):
        write(path, Picture(random(3) // 2))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bmp"]
    assert_same(path, picture.pixels)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    good = Picture(random(3))
    for name, picture, reason in (
        ("missing/a.png", good, "cannot be written: No such file or directory"),
        ("folder.png", good, "cannot be written"),
        ("a.gif", good, "unknown suffix '.gif'"),
        ("a.png", Picture(random(3).astype(np.float32)), "expected uint8 or uint16"),
        ("a.png", Picture(random(5)), "expected uint8 or uint16"),
        ("a.png", Picture(random(3)[:0]), "expected uint8 or uint16"),
        ("a.webp", Picture(np.zeros((1, 20_000), np.uint8)), "sides above 16383"),
    ):
        with pytest.raises(ImageError, match=rf"{name}: .*{reason}"):
            write(tmp_path / name, picture)
    with pytest.raises(OptionError, match="quality"):
        write(tmp_path / "a.jpg", good, quality=0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.png"]


def test_quality(tmp_path: Path) -> None:
    sizes = []
    for quality in (20, 95):
        write(tmp_path / "a.jpg", Picture(random(3)), quality)
        sizes.append((tmp_path / "a.jpg").stat().st_size)
    assert sizes[0] < sizes[1]
