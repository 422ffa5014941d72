"""The command line as a user sees it: what it prints, what it writes, how it exits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from osr.images import Picture, read, write
from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.initial import initial_state
from osr_core.registry import default_model
from osr_core.spec import ModelSpec, UNet

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = [name for name in BACKENDS if is_installed(name)]


def osr(*args, **environment):
    return subprocess.run(
        [sys.executable, "-c", "from osr.cli import main; main()", *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def _pixels(height=40, width=56, dtype=np.uint8):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)


@pytest.fixture
def folder(tmp_path):
    """A folder of pictures, two of them good."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    write(inputs / "a.png", Picture(_pixels()))
    write(inputs / "b.tiff", Picture(_pixels(33, 47, np.uint16)))
    (inputs / "text.png").write_text("not a picture")
    (inputs / "truncated.png").write_bytes((inputs / "a.png").read_bytes()[:-300])
    return inputs


def _one_line_each(run):
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("osr: ")]
    return "\n".join(lines)


def test_a_batch_with_bad_files(folder, tmp_path):
    run = osr("restore", folder, tmp_path / "absent.png", "-o", tmp_path / "out")
    assert run.returncode == 2
    errors = _one_line_each(run)
    assert len(errors.splitlines()) == 3
    for name in ("text.png", "truncated.png", "absent.png"):
        assert name in errors
    assert "2 restored, 3 failed" in run.stdout
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.tiff"]
    assert read(tmp_path / "out" / "a.png").pixels.shape == (40, 56, 3)
    assert read(tmp_path / "out" / "b.tiff").pixels.dtype == np.uint16


def test_json_and_a_single_file(folder, tmp_path):
    target = tmp_path / "better.png"
    run = osr("restore", folder / "a.png", "-o", target, "--json")
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout)
    assert summary["restored"] == 1
    assert summary["model"] == default_model()
    assert summary["files"][0]["output"] == str(target)
    assert target.is_file()


def test_both_backends_give_the_same_picture(folder, tmp_path):
    if len(INSTALLED) < 2:
        pytest.skip("needs both frameworks")
    results = []
    for name in INSTALLED:
        run = osr("restore", folder / "a.png", "-o", tmp_path / name, "--backend", name)
        assert run.returncode == 0, run.stderr
        results.append(read(tmp_path / name / "a.png").pixels.astype(int))
    assert np.abs(results[0] - results[1]).max() <= 1
    assert np.abs(results[0] - _pixels()).max() > 1


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
        (_nan_weights, ["--model", "model.safetensors"], "head.bias: holds numbers that are not"),
        (_wrong_spec, ["--model", "model.safetensors"], "the spec asks for"),
        (None, ["--device", "cuda:7"], "device cuda:7"),
        (None, ["--device", "gpu"], "expected auto, cpu, cuda"),
        (None, ["--tile", "5"], "tile 5: this network needs at least"),
        (None, ["--tile", "many"], "'many' is not a valid integer"),
        (None, ["--colour"], "No such option"),
        (None, ["--backend", "jax"], "'jax' is not one of"),
    ],
)
def test_bad_options(folder, tmp_path, monkeypatch, prepare, options, message):
    monkeypatch.chdir(tmp_path)
    if prepare:
        prepare(tmp_path / "model.safetensors")
    big = tmp_path / "big.png"
    write(big, Picture(_pixels(300, 300)))
    run = osr("restore", big, "-o", "out", *options)
    assert run.returncode == 2
    assert message in _one_line_each(run)
    assert len(_one_line_each(run).splitlines()) == 1
    assert not list(tmp_path.glob("out/*"))


def test_a_folder_without_images_and_an_unwritable_output(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    run = osr("restore", tmp_path / "empty", "-o", tmp_path / "out")
    assert run.returncode == 2
    assert "empty" in _one_line_each(run)
    run = osr("restore", folder / "a.png", "-o", folder / "a.png" / "out")
    assert run.returncode == 2
    assert "cannot be made" in _one_line_each(run)


def test_an_input_is_never_overwritten(folder):
    before = (folder / "a.png").read_bytes()
    for output in (folder, folder / "a.png"):
        run = osr("restore", folder / "a.png", "-o", output)
        assert run.returncode == 2
        assert "would overwrite its input" in _one_line_each(run)
    assert (folder / "a.png").read_bytes() == before


def test_two_inputs_of_one_name(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write(other / "a.png", Picture(_pixels()))
    run = osr("restore", folder / "a.png", other / "a.png", "-o", tmp_path / "out")
    assert run.returncode == 2
    assert "as well" in _one_line_each(run)
    assert "1 restored, 1 failed" in run.stdout


def test_a_format_that_cannot_hold_the_picture(folder, tmp_path):
    run = osr("restore", folder / "b.tiff", "-o", tmp_path / "b.jpg")
    assert run.returncode == 2
    assert "b.jpg: cannot hold" in _one_line_each(run)
    assert not (tmp_path / "b.jpg").exists()


def test_an_absent_backend(folder, tmp_path):
    hide = (
        "import importlib.util as u; f = u.find_spec;"
        "u.find_spec = lambda n, *a: None if n == 'mindspore' else f(n, *a);"
        "from osr.cli import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", hide, "restore", str(folder), "-o", str(tmp_path / "out"),
         "--backend", "mindspore"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 2
    assert "pip install 'osr[mindspore]'" in _one_line_each(run)


@pytest.mark.parametrize("command", ["models", "doctor"])
def test_lists(command):
    plain, as_json = osr(command), osr(command, "--json")
    assert plain.returncode == as_json.returncode == 0
    assert json.loads(as_json.stdout)
    assert plain.stdout.strip()


def test_doctor_says_what_would_be_used():
    data = json.loads(osr("doctor", "--json", "--backend", INSTALLED[-1]).stdout)
    assert data["backend"] == INSTALLED[-1]
    assert data["device"] == data["devices"][0]
    for name in BACKENDS:
        assert "CPU cap" in data[name] or "not installed" in data[name]
    absent = osr("doctor", OSR_BACKEND="jax")
    assert absent.returncode == 2
    assert "expected one of torch, mindspore" in absent.stdout


def test_info():
    data = json.loads(osr("info", default_model(), "--json").stdout)
    assert data["kind"] == "gated"
    assert data["parameters"] > 10_000
    assert data["figures"]
    made_from = data["provenance"].get("experts") or [data["provenance"]["start"]]
    assert made_from[0]["recipe"], "the JSON has the whole history"
    text = osr("info", default_model()).stdout
    assert made_from[0]["name"] in text
    assert max(map(len, text.splitlines())) < 1500, "models it was made from are only named"
    assert osr("info", "absent").returncode == 2


def test_convert_verify_and_restore(tmp_path):
    spec = ModelSpec(UNet((4, 6), 1))
    Checkpoint(spec, initial_state(spec, 0)).save(tmp_path / "a.safetensors")
    run = osr("convert", tmp_path / "a.safetensors", tmp_path / "b.ckpt", "--verify")
    assert run.returncode == 0, run.stderr
    for engine in ("numpy", *INSTALLED):
        assert engine in run.stdout
    run = osr("convert", tmp_path / "b.ckpt", tmp_path / "b.onnx")
    assert run.returncode == 2
    assert "unknown format" in _one_line_each(run)


def test_parity_of_a_model(tmp_path):
    spec = ModelSpec(UNet((4, 6), 1))
    path = tmp_path / "a.safetensors"
    Checkpoint(spec, initial_state(spec, 0)).save(path)
    run = osr("parity", path, "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    checks = {row["check"] for row in json.loads(run.stdout)}
    assert checks == {"output", "conversion"} | ({"gradient"} if len(INSTALLED) == 2 else set())


def test_help_loads_no_framework():
    code = (
        "import sys; from osr.cli import cli; cli.main(['--help'], standalone_mode=False);"
        "assert not {'torch', 'mindspore'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert "restore" in run.stdout
