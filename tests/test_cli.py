"""The command line as a user sees it: what it prints, what it writes, how it exits."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
from command_line import osr
from image_files import random
from PIL import Image
from safetensors.numpy import save_file

import osr as osr_package
from osr.cli import COMMANDS, cli
from osr.images import Picture, read, write
from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.initial import initial_state
from osr_core.registry import default_model, registry
from osr_core.spec import ModelSpec, UNet

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = [name for name in BACKENDS if is_installed(name)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small network that changes what it restores."""
    spec = ModelSpec(UNet((4, 6), 1))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    Checkpoint(spec, initial_state(spec, 0)).save(path)
    return path


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


def test_a_batch_with_bad_files(folder, model, tmp_path):
    out = tmp_path / "out"
    run = osr("restore", folder, tmp_path / "absent.png", "-o", out, "--model", model)
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


def test_skipped_files_are_named_with_the_reason(folder, model, tmp_path):
    for name in ("text.png", "truncated.png"):
        (folder / name).unlink()
    (folder / "notes.txt").touch()
    (folder / "more").mkdir()
    write(folder / "more" / "c.png", Picture(random(3)))
    run = osr("restore", folder, "-o", tmp_path / "out", "--model", model)
    assert run.returncode == 0
    assert "2 restored, 0 failed, 2 skipped" in run.stdout
    assert "notes.txt: skipped: is not an image" in run.stderr
    assert "more: skipped: is a folder; use --recursive" in run.stderr
    run = osr("restore", folder, "-o", tmp_path / "all", "--model", model, "--recursive")
    assert "3 restored, 0 failed, 1 skipped" in run.stdout
    assert (tmp_path / "all" / "more" / "c.png").is_file()


def test_format_and_quality(folder, model, tmp_path):
    sizes = []
    for quality in ("20", "95"):
        run = osr(
            "restore", folder / "a.png", "-o", tmp_path / quality, "--model", model,
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
        (None, ["--tile", "5"], "tile 5: this network needs at least"),
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


def test_a_folder_without_images_and_an_output_that_cannot_be_created(tmp_path, folder, model):
    (tmp_path / "empty").mkdir()
    run = osr("restore", tmp_path / "empty", "-o", tmp_path / "out")
    assert run.returncode == 2
    assert "empty: no images found" in run.stderr
    run = osr("restore", folder / "a.png", "-o", folder / "a.png" / "out", "--model", model)
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


@pytest.mark.parametrize("command", ["models", "doctor"])
def test_lists(command):
    plain, as_json = osr(command), osr(command, "--json")
    assert plain.returncode == as_json.returncode == 0
    assert json.loads(as_json.stdout)
    assert plain.stdout.strip()


def test_doctor_says_what_would_be_used(monkeypatch):
    data = json.loads(osr("doctor", "--json", "--backend", INSTALLED[-1]).stdout)
    assert data["backend"] == INSTALLED[-1]
    assert data["device"] == data["devices"][0]
    for name in BACKENDS:
        assert data[name][0].isdigit() or "not installed" in data[name]
    monkeypatch.setenv("OSR_BACKEND", "jax")
    absent = osr("doctor")
    assert absent.returncode == 2
    assert "expected one of torch, mindspore" in absent.stdout


def test_info():
    data = json.loads(osr("info", default_model(), "--json").stdout)
    assert data["kind"] == "gated"
    assert data["sha256"] == registry()[default_model()].sha256
    made_from = data["provenance"].get("experts") or [data["provenance"]["start"]]
    assert made_from[0]["recipe"], "the JSON has the whole history"
    lines = dict(
        (line[:18].strip(), line[18:].strip())
        for line in osr("info", default_model()).stdout.splitlines()
    )
    assert lines["sha256"] == data["sha256"]
    assert "haze" in lines["degradations"]
    assert "316 photographs" in lines["training images"]
    assert "spec" not in lines
    assert osr("info", "absent").returncode == 2


def test_info_of_a_file_without_a_recipe(model):
    data = json.loads(osr("info", model, "--json").stdout)
    assert data["parameters"] == sum(w.size for w in Checkpoint.load(model).state.values())
    assert data["training_images"] == data["licence"] == "unknown"


def test_convert_and_verify(model, tmp_path):
    run = osr("convert", model, tmp_path / "b.ckpt", "--verify")
    assert run.returncode == 0, run.stderr
    for engine in ("numpy", *INSTALLED):
        assert engine in run.stdout
    run = osr("convert", tmp_path / "b.ckpt", tmp_path / "b.onnx")
    assert run.returncode == 2
    assert "unknown format" in run.errors[0]


def test_parity_of_a_model(model):
    run = osr("parity", model, "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    checks = {row["check"] for row in json.loads(run.stdout)}
    assert checks == {"output", "conversion"} | ({"gradient"} if len(INSTALLED) == 2 else set())


def test_every_command_is_found_and_has_a_help():
    listed = osr("--help").stdout
    for name, summary in COMMANDS.items():
        command = cli.get_command(None, name)
        assert command.name == name
        assert command.help
        assert f"{name} " in listed
        assert summary.split(".")[0].split()[0] in listed


def test_a_wrong_command_and_none():
    run = osr("restor", "a.png")
    assert (run.returncode, run.errors) == (2, ["osr: no command 'restor'; did you mean restore?"])
    run = osr()
    assert run.returncode == 2
    assert run.stderr.startswith("Usage: ")


def test_every_exported_name_is_found_and_hidden_by_no_module():
    """A module of the package, once imported, would take the place of a function of its name."""
    for name in osr_package.__all__:
        assert name == "__version__" or callable(getattr(osr_package, name))
        assert name in dir(osr_package)
    modules = {module.name for module in iter_modules(osr_package.__path__)}
    assert not modules & set(osr_package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        osr_package.absent  # noqa: B018


def _process(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_help_and_the_package_load_no_heavy_library():
    heavy = {"torch", "mindspore", "cv2", "skimage", "scipy", "PIL", "tifffile", "matplotlib"}
    code = (
        "import sys, osr; from osr.cli import cli; cli.main(['--help'], standalone_mode=False);"
        f"print(*{heavy} & set(sys.modules))"
    )
    process = _process(code)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == ""


def test_exit_statuses_of_the_process(tmp_path):
    program = "from osr.cli import main; main()"
    process = _process(program, "restore", "absent.png", "-o", tmp_path / "out")
    _, err = process.communicate()
    assert process.returncode == 2
    assert err.startswith("osr: absent.png: no such file")


def test_an_interrupt_is_one_line():
    code = """
import time
import osr.cli.models
from osr.cli import main

def registry():
    print("ready", flush=True)
    time.sleep(60)

osr.cli.models.registry = registry
main()
"""
    process = _process(code, "models")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "osr: interrupted" in err
    assert "Traceback" not in err
