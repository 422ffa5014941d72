"""The command line as a user sees it: what it prints, what it writes, how it exits."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules

import click
import pytest
from command_line import osr

import osr as osr_package
from osr.cli import COMMANDS, cli, run
from osr_core.backend import BACKENDS, FRAMEWORKS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.registry import default_model, registry

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = [name for name in BACKENDS if is_installed(name)]


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
    assert "expected one of torch, mindspore, onnx" in absent.stdout


def test_info():
    data = json.loads(osr("info", default_model(), "--json").stdout)
    assert data["kind"] == "gated"
    assert data["sha256"] == registry()[default_model()].sha256
    assert data["provenance"]["init"][0]["recipe"], "the JSON has the whole history"
    shown = osr("info", default_model()).stdout
    lines = dict(re.split("  +", line, maxsplit=1) for line in shown.splitlines())
    assert lines["sha256"] == data["sha256"]
    assert "haze" in lines["degradations"]
    assert "316 photographs" in lines["training images"]
    assert "spec" not in lines
    assert osr("info", "absent").returncode == 2


def test_info_of_a_file_without_a_recipe(tiny_model):
    data = json.loads(osr("info", tiny_model, "--json").stdout)
    assert data["parameters"] == sum(w.size for w in Checkpoint.load(tiny_model).state.values())
    assert {data[k] for k in ("degradations", "training_images", "licence")} == {"unknown"}


def test_convert_and_verify(tiny_model, tmp_path):
    run = osr("convert", tiny_model, tmp_path / "b.ckpt", "--verify")
    assert run.returncode == 0, run.stderr
    for engine in ("numpy", *INSTALLED):
        assert engine in run.stdout
    run = osr("convert", tmp_path / "b.ckpt", tmp_path / "b.onnx")
    assert run.returncode == 2
    assert "unknown format" in run.errors[0]


def test_parity_of_a_model(tiny_model):
    run = osr("parity", tiny_model, "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    checks = {row["quantity"] for row in json.loads(run.stdout)}
    both = all(map(is_installed, FRAMEWORKS))
    assert checks == {"output", "conversion"} | ({"gradient"} if both else set())


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
        f"print(*{heavy} & set(sys.modules), *(m for m in sys.modules if 'osr.cli.' in m))"
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


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA error: out of memory")])
def test_too_little_memory_is_one_line(capsys, error):
    def fail():
        raise error

    with pytest.raises(SystemExit) as ended:
        run(click.Command("fail", callback=fail), [])
    assert ended.value.code == 2
    assert re.fullmatch("osr: out of memory; .*\n", capsys.readouterr().err)
