"""osr.restore_files: what is kept of a file, and that each input ends on its own."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from image_files import exif, random, tag
from PIL import Image, ImageCms

import osr
from osr.images import Picture, read, write
from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OSRError
from osr_core.initial import initial_state
from osr_core.spec import ModelSpec, UNet

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

pytestmark = pytest.mark.skipif(
    not any(map(is_installed, BACKENDS)), reason="no backend: pip install 'osr[torch]'"
)


def test_metadata_goes_along(tiny_model, tmp_path):
    chunks = {b"gAMA": b"\0\0\xb1\x8f", b"sRGB": b"\0"}
    pixels = random(4, np.uint16)
    write(tmp_path / "a.png", Picture(pixels, SRGB, exif(), b"<x/>", (300, 300), chunks))
    (result,) = osr.restore_files(tmp_path / "a.png", tmp_path / "out", model=tiny_model)
    assert result.error is None
    found = read(tmp_path / "out" / "a.png")
    assert (found.icc, found.xmp, found.chunks) == (SRGB, b"<x/>", chunks)
    assert found.dpi == pytest.approx((300, 300), abs=0.01)
    assert tag(found.exif, 271) == "Maker"
    assert found.pixels.dtype == np.uint16
    np.testing.assert_array_equal(found.pixels[..., 3], pixels[..., 3])


def test_what_cannot_be_written_becomes_png_and_what_is_not_read_is_noted(tiny_model, tmp_path):
    frames = [Image.fromarray(random(1) // level) for level in (1, 2, 3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    (result,) = osr.restore_files(tmp_path / "a.gif", tmp_path / "out", model=tiny_model)
    assert result.output == str(tmp_path / "out" / "a.png")
    assert result.note == "first of 3 frames"


def test_format_and_quality(tiny_model, tmp_path):
    write(tmp_path / "a.tiff", Picture(random(3, height=64)))
    sizes = []
    for quality in (10, 100):
        (result,) = osr.restore_files(
            tmp_path / "a.tiff", tmp_path / "out", model=tiny_model, format="webp", quality=quality
        )
        assert result.error is None
        with Image.open(tmp_path / "out" / "a.webp") as opened:
            assert opened.format == "WEBP"
        sizes.append((tmp_path / "out" / "a.webp").stat().st_size)
    assert sizes[0] < sizes[1]


def test_what_the_format_cannot_hold_is_refused_before_the_work(tiny_model, tmp_path, monkeypatch):
    write(tmp_path / "a.tiff", Picture(random(3, np.uint16)))
    write(tmp_path / "b.png", Picture(random(3)))
    restored = []
    original = osr.restorer.Restoration
    monkeypatch.setattr("osr.restorer.Restoration", lambda *a: restored.append(a) or original(*a))
    failed, done = osr.restore_files(
        [tmp_path / "a.tiff", tmp_path / "b.png"], tmp_path / "out", model=tiny_model, format="jpg"
    )
    assert "JPEG does not support 16 bit; use .png or .tiff" in failed.error
    assert done.output is not None
    assert len(restored) == 1


def test_out_of_memory_ends_one_image_only(tiny_model, tmp_path, monkeypatch):
    for name in "abc":
        write(tmp_path / f"{name}.png", Picture(random(3)))
    original, calls = osr.restorer.Restoration, []

    def restore(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return original(*arguments)

    monkeypatch.setattr("osr.restorer.Restoration", restore)
    seen = []
    results = osr.restore_files(
        [tmp_path / f"{name}.png" for name in "abc"], tmp_path / "out", model=tiny_model,
        progress=lambda *state: seen.append(state),
    )  # fmt: skip
    assert [result.error is None for result in results] == [True, False, True]
    assert "b.png: out of memory; use a smaller --tile" in results[1].error
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    assert seen[-1] == (3, 3, "c.png")


def test_wrong_options_are_errors_before_any_work(tiny_model, tmp_path):
    write(tmp_path / "a.png", Picture(random(3)))
    for options, message in (
        ({"format": "gif"}, "format 'gif' cannot be written; use one of .png"),
        ({"model": "osr-absent"}, "no such name or file"),
        ({"backend": "jax"}, "expected one of torch, mindspore"),
        ({"device": "abacus"}, "expected auto, cpu"),
        ({"quality": 0}, "quality must be between 1 and 100"),
    ):
        with pytest.raises(OSRError, match=message):
            osr.restore_files(
                tmp_path / "a.png", tmp_path / "out", **{"model": tiny_model, **options}
            )
    assert not (tmp_path / "out").exists()


def test_tiles_leave_no_seams(tmp_path):
    """Of 12 megapixels, and in how much memory: test_large.py, a slow test."""
    rows, columns = np.mgrid[:300, :420]
    smooth = 128 + 90 * np.sin(rows / 23) * np.cos(columns / 31)
    noise = np.random.default_rng(0).normal(0, 20, (300, 420, 3))
    pixels = (smooth[..., None] + noise).clip(0, 255).astype(np.uint8)
    write(tmp_path / "a.png", Picture(pixels))
    restored = []
    for tile in (0, 256):
        out = tmp_path / str(tile)
        osr.restore_files(tmp_path / "a.png", out, model="osr-denoise", tile=tile)
        restored.append(read(out / "a.png").pixels.astype(int))
    assert np.abs(restored[0] - restored[1]).max() <= 1
    assert (
        np.abs(restored[0] - smooth[..., None]).mean()
        < np.abs(pixels - smooth[..., None]).mean() / 2
    )


def test_an_output_that_is_not_finite_is_an_error_and_no_file(tmp_path):
    spec = ModelSpec(UNet((4, 6), 1))
    state = {name: array * np.float32(3e37) for name, array in initial_state(spec, 0).items()}
    Checkpoint(spec, state).save(tmp_path / "nan.safetensors")
    write(tmp_path / "a.png", Picture(random(3)))
    (result,) = osr.restore_files(
        tmp_path / "a.png", tmp_path / "out", model=tmp_path / "nan.safetensors"
    )
    assert result.error is not None
    assert "finite" in result.error
    assert not list((tmp_path / "out").iterdir())


def test_every_entry_of_a_mixed_folder_is_restored_or_named(tiny_model, tmp_path):
    folder = tmp_path / "mixed"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "b.gif", "c.jp2", "d.avif", "sub/e.png"):
        with contextlib.suppress(KeyError, OSError):  # where Pillow lacks a format
            Image.fromarray(random(3)).save(folder / name)
    (folder / "f.heic").write_bytes(b"\0\0\0\x1cftypheic" + bytes(99))
    (folder / "notes.txt").write_text("not a picture")
    results = osr.restore_files(folder, tmp_path / "out", model=tiny_model)
    assert {Path(result.input).name for result in results} == set(os.listdir(folder))
    for result in results:
        outcome = (result.output, result.skipped, result.error)
        assert sum(each is not None for each in outcome) == 1, result
    failed = {Path(result.input).name for result in results if result.error}
    assert failed == {"f.heic"}
    assert {Path(r.input).name for r in results if r.skipped} == {"notes.txt", "sub"}
