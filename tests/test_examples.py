"""Every example runs, and does what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from report_folder import make_folder

from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.degradations import motion_blur
from osr_core.evaluation.statistics import load
from osr_core.images import Picture, read, write
from osr_core.initial import initial_state
from osr_core.registry import registry
from osr_core.report.markup import signed
from osr_core.spec import ModelSpec, Residual

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"


def _run(name, *args, **environment):
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, args)],
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


@pytest.mark.parametrize("backend", BACKENDS)
def test_reprogram_your_model(backend):
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    lines = _run("reprogram_your_model.py", OSR_BACKEND=backend).splitlines()
    untouched, alone, reprogrammed = (float(line.split()[-2]) for line in lines)
    assert f"reprogrammed with {backend}: " in lines[-1]
    # Seen: 8.5, 7 and 17 dB.
    assert reprogrammed > max(untouched, alone) + 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("device", ["python", "cuda", "ascend"])
def test_restore(device, backend, picture, tmp_path):
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    out = tmp_path / "out.png"
    printed = _run(f"restore_{device}.py", picture, out, OSR_BACKEND=backend)
    assert f"restored with {backend}" in printed
    if "using the CPU" in printed:
        assert f"device {device}" in printed
    restored = read(out).pixels
    assert restored.shape == (48, 40, 3)
    assert not np.array_equal(restored, read(picture).pixels)


def test_convert_checkpoint(tmp_path):
    spec = ModelSpec(Residual((2, 3, 3, 3, 2)))
    Checkpoint(spec, initial_state(spec, 0)).save(tmp_path / "a.safetensors")
    printed = _run("convert_checkpoint.py", tmp_path / "a.safetensors", tmp_path / "b.ckpt")
    assert "b.ckpt: residual" in printed
    assert "numpy: largest difference" in printed


def test_the_shipped_photographs_are_what_the_program_makes(tmp_path):
    _run("make_pictures.py", tmp_path)
    made = sorted((tmp_path / "images").iterdir())
    assert [p.name for p in made] == sorted(p.name for p in (EXAMPLES / "images").iterdir())
    for path in made:
        shipped = read(EXAMPLES / "images" / path.name).pixels.astype(int)
        # Rounding may differ between processors.
        assert np.abs(read(path).pixels - shipped).max() <= 1
    assert (tmp_path / "before-after.png").is_file()


def test_the_pictures_of_the_cards(tmp_path):
    _run("make_cards.py", "--model", "osr-small", "-o", tmp_path)
    made = read(tmp_path / "osr-small.jpg").pixels.astype(int)
    shipped = read(EXAMPLES / "cards" / "osr-small.jpg").pixels
    assert made.shape == shipped.shape
    assert np.abs(made - shipped).mean() < 0.5
    for model in registry():
        assert (EXAMPLES / "cards" / f"{model}.jpg").is_file(), model


def test_card_tables_hold_what_the_reports_say(tmp_path):
    matrix, free = tmp_path / "matrix", tmp_path / "free"
    for folder in (matrix, free):
        folder.mkdir()
        make_folder(folder, pictures=False)
    card = tmp_path / "net.md"
    card.write_text(
        "Gain: [`m`](matrix.toml): +9 dB; on damage that it never saw: +9 dB, 9 % of\n"
        "those images.\n\n| damage | old |\n|---|---|\n| rain | 9 |\n\nThe end.\n"
    )
    entries = [{"name": "net", "card": "net.md"}, {"name": "absent", "card": "absent.md"}]
    (tmp_path / "registry.json").write_text(json.dumps(entries))
    _run("make_card_tables.py", matrix, free, "--model", "net", "--weights", tmp_path)
    net, absent = json.loads((tmp_path / "registry.json").read_text())
    assert absent == entries[1]
    results = load(matrix)
    damaged = [column.name for column in results.columns if not column.clean]
    assert [figure["data"] for figure in net["figures"]] == 2 * damaged
    text = card.read_text()
    for figure in net["figures"]:
        rows = results.cell("net", figure["data"])
        assert figure["restored"] == round(np.mean([row.psnr for row in rows]), 2)
        row = next(line for line in text.splitlines() if line.startswith(f"| {figure['data']} |"))
        assert f"| {figure['input']:.2f} | {figure['restored']:.2f} |" in row
        assert row.endswith(f"| {figure['worse']} |")
    sums = results.osr_figures("net")
    assert f"{signed(sums.seen_gain)} dB; on" in text
    assert f"{100 * sums.harm_share:.0f} % of\nthose" in text
    assert "old" not in text
    assert text.endswith("\n\nThe end.\n")


def test_benchmark():
    if not all(map(is_installed, BACKENDS)):
        pytest.skip("needs both frameworks")
    from backends import mindspore

    lines = _run("benchmark.py", "--repeats", 1, "--size", 32).splitlines()[1:]
    assert len(lines) == 5
    capped, uncapped = (
        sum(float(line.split()[column]) for line in lines if line.startswith("convolution"))
        for column in (-4, -2)
    )
    # No assertion on speed, but on whether the cap reaches MindSpore's library at all: with it,
    # convolutions take a hundredth of the time.
    if mindspore.cpu_cap() == "on":
        assert capped < uncapped / 5


def test_held_out_photographs_are_shrunk_and_otherwise_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "clear").mkdir()
    for number in range(6):
        pixels = np.full((40, 60, 3), rng.integers(0, 256, 3), np.uint8)
        write(tmp_path / "clear" / f"{number}.png", Picture(pixels))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        "steps = 1\nbatch = 1\ncrop = 16\nlargest_side = 30\nevaluation.held_out = 0.33\n"
        'shares.clean = 1.0\nloss.l1 = 1.0\nspec.backbone = {kind = "unet", widths = [4, 4]}\n'
    )
    data = f"photographs={tmp_path / 'clear'}"
    _run("held_out.py", recipe, "--data", data, "-o", tmp_path / "out")
    written = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in written] == ["000-1.png", "001-4.png"]
    for path in written:
        shrunk, clear = read(path).pixels, read(tmp_path / "clear" / path.name[4:]).pixels
        assert shrunk.shape == (20, 30, 3)
        np.testing.assert_array_equal(shrunk[0, 0], clear[0, 0])
    _run("held_out.py", recipe, "--data", data, "-o", tmp_path / "pale", "--fade")
    pale, shrunk = (read(tmp_path / folder / "000-1.png").pixels for folder in ("pale", "out"))
    assert pale.shape == shrunk.shape
    assert not np.array_equal(pale, shrunk)


def test_fit_blur_finds_in_which_light_a_kernel_explains_blur(tmp_path):
    rng = np.random.default_rng(0)
    clear = np.repeat(rng.random((72, 80, 1), np.float32) ** 3, 3, axis=2)
    for folder, image in (("input", motion_blur(clear, 5, 0)), ("gt", clear)):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "0.png", Picture(np.rint(image * 255).astype(np.uint8)))
    lines = _run("fit_blur.py", "reds", tmp_path).splitlines()
    untouched, values, light, undone = (float(line.split()[line.split().index("dB") - 1])
                                        for line in lines)  # fmt: skip
    # Seen: 10.8, 26.6, 57.7 (8 bits) and 15.9 dB.
    assert light > 50 > values > untouched
    assert undone > untouched
