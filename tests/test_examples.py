"""Every example runs, and does what it says."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from report_folder import make_folder

from backends import get_backend
from osr.evaluation.statistics import load
from osr.images import Picture, read, write
from osr.report.view import View
from osr_core.backend import BACKENDS, FRAMEWORKS, is_installed
from osr_core.registry import registry

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import make_cards  # noqa: E402
import make_gallery  # noqa: E402
import make_pictures  # noqa: E402

EXAMPLES, TOOLS, CARDS = ROOT / "examples", ROOT / "tools", ROOT / "docs" / "images" / "cards"


def _run(name, *args, **environment):
    file = next(folder / name for folder in (EXAMPLES, TOOLS) if (folder / name).is_file())
    run = subprocess.run(
        [sys.executable, str(file), *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "in.png"
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40, 3), np.uint8)
    write(path, Picture(pixels))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_reprogram_your_model(backend):
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    lines = _run("reprogram.py", OSR_BACKEND=backend).splitlines()
    degraded, reprogrammed = (float(line.split()[-2]) for line in lines)
    assert f"reprogrammed with {backend}: " in lines[-1]
    # Measured: 8.5 dB, then 14.8 in PyTorch and 13.4 in MindSpore.
    assert reprogrammed > degraded + 3


@pytest.mark.slow
def test_reprogram_what_spandrel_knows():
    pytest.importorskip("torch")
    if not find_spec("spandrel"):
        pytest.skip("spandrel is not installed")
    trained, restored, exported = _run("reprogram_spandrel.py").splitlines()
    assert int(trained.split()[1].replace(",", "")) < 20_000  # without the network itself
    degraded, after = (float(text.split()[-2]) for text in restored.split(","))
    assert after > degraded + 1  # measured: 10.7 dB, then 14.5
    assert exported.startswith("reprogrammed.pt2: differs by ")


def test_spandrel_reads_our_networks(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    if not find_spec("spandrel"):
        pytest.skip("spandrel is not installed")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import spandrel_architecture as example

    loader, path = example.spandrel.ModelLoader(), tmp_path / "a.safetensors"
    for model in ("osr-sr", "osr-dehaze"):
        with pytest.raises(example.spandrel.UnsupportedModelError):
            loader.load_from_file(registry()[model].path)
    example.register()
    example.register()
    for model, tiling in (("osr-sr", "SUPPORTED"), ("osr-dehaze", "DISCOURAGED")):
        example.write(model, path)
        loaded = loader.load_from_file(path)
        assert loaded.tiling.name == tiling
        image = np.random.default_rng(0).random((1, 3, 64, 32), np.float32)
        expected = get_backend("torch").load(model, "cpu").predict(image).clip(0, 1)
        result = loaded(torch.from_numpy(image)).numpy()
        np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_restore(backend, picture, tmp_path):
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    out = tmp_path / "out.png"
    printed = _run("restore.py", picture, out, OSR_BACKEND=backend)
    assert f"restored with {backend}" in printed
    restored = read(out).pixels
    assert restored.shape == (48, 40, 3)
    assert not np.array_equal(restored, read(picture).pixels)


@pytest.mark.slow
def test_pictures_are_what_the_program_makes():
    photographs = make_pictures.degraded()
    assert sorted(photographs) == sorted(path.stem for path in make_pictures.PHOTOGRAPHS.iterdir())
    for name, pixels in photographs.items():
        shipped = read(make_pictures.PHOTOGRAPHS / f"{name}.png").pixels.astype(int)
        assert np.abs(pixels - shipped).max() <= 1  # rounding may differ between processors
    for made, name in (
        (make_pictures.before_and_after(photographs), "before-after.png"),
        (make_pictures.card("osr-denoise-reprogrammed"), "cards/osr-denoise-reprogrammed.jpg"),
    ):
        shipped = read(make_pictures.IMAGES / name).pixels.astype(int)
        assert made.shape == shipped.shape
        assert np.abs(made - shipped).mean() < 3  # JPEG alone makes it 1.9


def _gallery():
    """The page, and its figures before and after."""
    page = (make_gallery.DOCS / "gallery.md").read_text("utf-8")
    figures = re.findall(r": ([\d.]+) → ([\d.]+) dB", page)
    return page, [(float(before), float(after)) for before, after in figures]


def test_the_gallery_shows_every_sample_with_the_published_weights():
    page, figures = _gallery()
    samples = make_gallery.published()
    assert {sample.section for sample in samples} >= {
        "Clean", "Noise", "Greyscale", "Noise and JPEG", "JPEG", "Rain", "Haze",
    }  # fmt: skip
    results = [
        make_gallery.Result(sample, *each, [])
        for sample, each in zip(samples, figures, strict=True)
    ]
    assert page == make_gallery.render(results), "run tools/make_gallery.py"
    pictures = {path.name for path in (make_gallery.DOCS / "images/gallery").iterdir()}
    assert pictures == {sample.file(part) for sample in samples for part in sample.parts}
    assert {sample.photograph for sample in samples} == {*make_gallery.PHOTOGRAPHS}


@pytest.mark.slow
def test_the_gallery_is_what_the_program_makes():
    for index in (0, 11):  # a clean photograph, and a grey one with noise
        result = make_gallery.make(make_gallery.published()[index])
        assert (result.before, result.after) == pytest.approx(_gallery()[1][index], abs=0.1)
        for part, crop in zip(result.sample.parts, result.crops, strict=True):
            shipped = read(make_gallery.DOCS / "images/gallery" / result.sample.file(part)).pixels
            assert crop.shape == shipped.shape
            assert np.abs(crop - shipped.astype(int)).mean() < 4


@pytest.mark.parametrize("model", registry())
def test_cards_are_what_the_program_makes(model):
    figures = make_cards.read_figures(make_cards.WEIGHTS / "figures.csv")
    card = make_cards.WEIGHTS / f"{model}.md"
    assert card.read_text("utf-8") == make_cards.render(model, figures), "run tools/make_cards.py"
    assert (CARDS / f"{model}.jpg").is_file()


def test_figures_are_what_the_reports_say(tmp_path):
    folders = [tmp_path / name for name in ("matrix", "free")]
    for folder in folders:
        folder.mkdir()
        make_folder(folder, pictures=False)
    matrix, free = map(load, folders)
    *rows, seen, unseen = make_cards.figures("net", [View(matrix), View(free)])
    assert [row["column"] for row in rows] == 2 * [column.name for column in matrix.columns]
    for row, column in zip(rows, 2 * list(matrix.columns), strict=True):
        cell = matrix.cell("net", column.name)
        assert row["state"] == matrix.state("net", column.name)
        assert row["restored"] == f"{np.mean([image.psnr for image in cell]):.2f}"
        assert ("gain" in row) == (not column.clean)
    sums = matrix.figures("net")
    assert seen["gain"] == f"{sums.seen.mean:.2f}"
    assert unseen["worse"] == f"{100 * sums.harm_share:.0f}"


def test_cards_are_made_from_reports(tmp_path, monkeypatch):
    make_folder(tmp_path, pictures=False)
    for name in ("cards.toml", "figures.csv"):
        shutil.copy(make_cards.WEIGHTS / name, tmp_path)
    found = make_cards.figures("net", [View(load(tmp_path))])
    monkeypatch.setattr(make_cards, "WEIGHTS", tmp_path)
    mine = [row | {"model": "osr-sr"} for row in found]
    monkeypatch.setattr(make_cards, "figures", lambda *_: mine)
    make_cards.main(["--model", "osr-sr", "--report", str(tmp_path)], standalone_mode=False)
    card = (tmp_path / "osr-sr.md").read_text("utf-8")
    assert any(r["state"] == "clean" for r in found)
    assert all(f"| {r['column']} |" in card for r in found if r.get("images"))
    assert make_cards.render("osr-sr", make_cards.read_figures(tmp_path / "figures.csv")) == card
