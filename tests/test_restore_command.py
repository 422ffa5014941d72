"""``osr restore`` as a user sees it."""

import json

import numpy as np
import pytest
from command_line import osr
from image_files import random
from PIL import Image
from safetensors.numpy import save_file

from osr.images import Picture, read, write
from osr_core.backend import BACKENDS, is_installed
from osr_core.initial import initial_state
from osr_core.registry import default_model
from osr_core.spec import ModelSpec, UNet

INSTALLED = [name for name in BACKENDS if is_installed(name)]


@pytest.fixture
def folder(tmp_path):
    """A folder of pictures, two of them good."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    write(inputs / "a.png", Picture(random(3, height=40)))
    write(inputs / "b.tiff", Picture(random(3, np.uint16)))
    (inputs / "text.png").write_text("not a picture")
    (inputs / "truncated.png").write_bytes((inputs / "a.png").read_bytes()[:-300])
    return inputs


def test_a_batch_with_bad_files(folder, tiny_model, tmp_path):
    out = tmp_path / "out"
    run = osr("restore", folder, tmp_path / "absent.png", "-o", out, "--model", tiny_model)
    assert run.returncode == 2
    assert len(run.errors) == 3
    for name in ("text.png", "truncated.png", "absent.png"):
        assert name in run.stderr
    assert "2 restored, 3 failed" in run.stdout
    assert sorted(p.name for p in out.iterdir()) == ["a.png", "b.tiff"]
    assert read(out / "a.png").pixels.shape == (40, 18, 3)
    assert read(out / "b.tiff").pixels.dtype == np.uint16


def test_json_and_a_single_file(folder, tmp_path):
    target = tmp_path / "better.png"
    run = osr("restore", folder / "a.png", "-o", target, "--json")
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout)
    assert (summary["restored"], summary["failed"], summary["skipped"]) == (1, 0, 0)
    assert summary["model"] == default_model()
    assert summary["files"][0]["output"] == str(target)
    assert target.is_file()


def test_skipped_files_are_named_with_the_reason(folder, tiny_model, tmp_path):
    for name in ("text.png", "truncated.png"):
        (folder / name).unlink()
    (folder / "notes.txt").touch()
    (folder / "more").mkdir()
    write(folder / "more" / "c.png", Picture(random(3)))
    run = osr("restore", folder, "-o", tmp_path / "out", "--model", tiny_model)
    assert run.returncode == 0
    assert "2 restored, 0 failed, 2 skipped" in run.stdout
    assert "notes.txt: skipped: is not an image" in run.stderr
    assert "more: skipped: is a folder; use --recursive" in run.stderr
    run = osr("restore", folder, "-o", tmp_path / "all", "--model", tiny_model, "--recursive")
    assert "3 restored, 0 failed, 1 skipped" in run.stdout
    assert (tmp_path / "all" / "more" / "c.png").is_file()


def test_format_and_quality(folder, tiny_model, tmp_path):
    sizes = []
    for quality in ("20", "95"):
        run = osr(
            "restore", folder / "a.png", "-o", tmp_path / quality, "--model", tiny_model,
            "--format", "jpg", "--quality", quality,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        with Image.open(tmp_path / quality / "a.jpg") as opened:
            assert opened.format == "JPEG"
        sizes.append((tmp_path / quality / "a.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


def test_both_backends_give_the_same_picture(folder, tmp_path):
    if len(INSTALLED) < 2:
        pytest.skip("needs both frameworks")
    results = []
    for name in INSTALLED:
        run = osr("restore", folder / "a.png", "-o", tmp_path / name, "--backend", name)
        assert run.returncode == 0, run.stderr
        results.append(read(tmp_path / name / "a.png").pixels.astype(int))
    assert np.abs(results[0] - results[1]).max() <= 1
    assert np.abs(results[0] - read(folder / "a.png").pixels).max() > 1


def _nan_weights(path):
    spec = ModelSpec(UNet((4,)))
    state = initial_state(spec, 0)
    state["head.bias"][0] = np.nan
    save_file(state, path, {"spec": spec.to_json()})


def _wrong_spec(path):
    spec, other = ModelSpec(UNet((4,))), ModelSpec(UNet((5,)))
    save_file(initial_state(spec, 0), path, {"spec": other.to_json()})


@pytest.mark.parametrize(
    ("prepare", "options", "message"),
    [
        (None, ["--model", "osr-genial"], "did you mean osr-general?"),
        (None, ["--model", "model.safetensors"], "model.safetensors: no such file"),
        (_nan_weights, ["--model", "model.safetensors"], "head.bias: holds values that are not"),
        (
            _wrong_spec,
            ["--model", "model.safetensors"],
            "shape (4, 12, 3, 3), expected (5, 12, 3, 3)",
        ),
        (None, ["--device", "cuda:7"], "device cuda:7"),
        (None, ["--device", "gpu"], "expected auto, cpu, cuda"),
        (None, ["--tile", "5"], "this network needs at least"),
        (None, ["--tile", "many"], "'many' is not a valid integer"),
        (None, ["--quality", "101"], "101 is not in the range"),
        (None, ["--format", "gif"], "'gif' is not one of"),
        (None, ["--colour"], "No such option"),
        (None, ["--backend", "jax"], "'jax' is not one of"),
    ],
)
def test_bad_options(tmp_path, monkeypatch, prepare, options, message):
    monkeypatch.chdir(tmp_path)
    if prepare:
        prepare(tmp_path / "model.safetensors")
    write("big.png", Picture(np.zeros((300, 300), np.uint8)))
    run = osr("restore", "big.png", "-o", "out", *options)
    assert run.returncode == 2
    assert len(run.errors) == 1
    assert message in run.errors[0]
    assert not list(tmp_path.glob("out/*"))


def test_a_folder_without_images_and_an_output_that_cannot_be_created(tmp_path, folder, tiny_model):
    (tmp_path / "empty").mkdir()
    run = osr("restore", tmp_path / "empty", "-o", tmp_path / "out")
    assert run.returncode == 2
    assert "empty: no images found" in run.stderr
    run = osr("restore", folder / "a.png", "-o", folder / "a.png" / "out", "--model", tiny_model)
    assert run.returncode == 2
    assert "cannot be created" in run.errors[0]


def test_an_absent_backend(folder, tmp_path, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "mindspore" else find(n, *a)
    )
    run = osr("restore", folder, "-o", tmp_path / "out", "--backend", "mindspore")
    assert run.returncode == 2
    assert "pip install 'osr[mindspore]'" in run.errors[0]
