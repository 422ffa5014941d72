"""What all commands share: defaults from osr.toml, -q and -v, --json, completion, no colours."""

import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete
from command_line import osr
from image_files import random

from osr.cli import COMMANDS, cli
from osr.images import Picture, read, write
from osr_core.registry import registry

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a picture, whose osr.toml is read, and none of the user's."""
    monkeypatch.delenv("OSR_CONFIG")
    monkeypatch.setattr(click, "get_app_dir", lambda name: str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()
    write("a.png", Picture(random(3, height=40)))
    return tmp_path


def _leaves(command, name=""):
    if isinstance(command, click.Group):
        names = command.list_commands(None)
        return [leaf for n in names for leaf in _leaves(command.get_command(None, n), n)]
    return [(name, command)]


def test_defaults_come_from_the_folder_then_the_user(here, tiny_model):
    (here / "user" / "osr.toml").write_text(
        f"[restore]\nmodel = '{tiny_model}'\nformat = 'bmp'\ntile = 64\n[data.list]\nnames = true"
    )
    (here / "osr.toml").write_text("[restore]\nformat = 'tiff'\njson = true")
    run = osr("restore", "a.png", "-o", "out")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["model"] == str(tiny_model)
    assert (here / "out" / "a.tiff").is_file()
    assert osr("restore", "a.png", "-o", "out", "--format", "png").returncode == 0
    assert (here / "out" / "a.png").is_file()
    assert len(osr("data", "list").stdout.splitlines()[0].split("  ")) > 1
    config = json.loads(osr("doctor", "--json").stdout)["config"]
    assert config == [str(here / "user" / "osr.toml"), "osr.toml"]


def test_a_variable_names_the_only_file(here, monkeypatch):
    (here / "osr.toml").write_text("[degrade]\nformat = 'bmp'")
    (here / "other.toml").write_text("[degrade]\ndegradation = ['noise:25', 'jpeg:90']")
    monkeypatch.setenv("OSR_CONFIG", "other.toml")
    run = osr("degrade", "a.png", "-o", "out", "--json")
    assert run.returncode == 2, "what is required is not taken from a file"
    assert "other.toml: degrade.degradation: cannot be set" in run.errors[0]
    monkeypatch.setenv("OSR_CONFIG", "")
    assert osr("degrade", "a.png", "-o", "out", "--degradation", "noise:9").returncode == 0
    assert (here / "out" / "a.png").is_file()
    monkeypatch.setenv("OSR_CONFIG", "absent.toml")
    assert "absent.toml: cannot be read" in osr("models").errors[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[restor]", "restor: no command; did you mean restore?"),
        ("restore = 3", "restore: expected a table of options, got 3"),
        ("[restore]\ntiles = 3", "restore.tiles: cannot be set; did you mean tile?"),
        ("[restore]\noutput = 'x'", "restore.output: cannot be set"),
        ("[restore]\ntile = 'big'", "restore.tile: 'big' is not a valid integer"),
        ("[restore]\ntile = true", "restore.tile: expected integer, got True"),
        ("[restore]\nresume = 1", "restore.resume: expected boolean, got 1"),
        ("[restore]\nmodel = ['a']", "restore.model: expected one value"),
        ("[restore]\nbackend = 'jax'", "restore.backend: 'jax' is not one of"),
        ("[evaluate]\nmodel = 'a'", "evaluate.model: expected a list"),
        ("[data.lst]", "data.lst: cannot be set; did you mean list?"),
        ("[restore", "not TOML"),
    ],
)
def test_what_a_file_may_not_hold(here, text, message):
    (here / "osr.toml").write_text(text)
    command = text.strip("[").partition(".")[0].partition("]")[0].split()[0]
    known = command if command in COMMANDS else "restore"
    rest = {"evaluate": ["-o", "out"], "data": ["list"]}.get(known, ["a.png", "-o", "out"])
    run = osr(known, *rest)
    assert run.returncode == 2
    assert len(run.errors) == 1
    assert run.errors[0].startswith("osr: osr.toml: ")
    assert message in run.errors[0]


@pytest.mark.parametrize(("name", "command"), _leaves(cli))
def test_every_command_has_them(name, command):
    options = {name for param in command.params for name in param.opts}
    assert {"-q", "-v", "--json"} <= options


def test_quiet_and_verbose(here, tiny_model, caplog):
    (here / "notes.txt").touch()
    base = "restore", here, "-o", "out", "--model", tiny_model
    quiet = osr(*base, "-q")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert logging.getLogger("osr").level == logging.NOTSET
    usual = osr(*base)
    assert "1 restored" in usual.stdout
    assert "notes.txt: skipped" in usual.stderr
    assert not caplog.records
    osr(*base, "-v")
    assert "a.png → out/a.png: " in caplog.text
    wrong = osr("restore", "absent.png", "-o", "out", "-q")
    assert (wrong.returncode, len(wrong.errors)) == (2, 1)


def test_results_are_json(here, tiny_model):
    pytest.importorskip("skimage")
    run = osr("convert", tiny_model, "b.ckpt", "--verify", "--json")
    data = json.loads(run.stdout)
    assert (data["target"], data["identical"]) == ("b.ckpt", True)
    assert data["differences"]["numpy"] < 1e-6
    size = "--size", "24"
    model = "--model", "osr-denoise-reprogrammed"
    run = osr("inspect", "a.png", *model, "-o", "waves.png", *size, "--json")
    assert json.loads(run.stdout)["output"] == "waves.png"


def _completed(*arguments, incomplete=""):
    complete = BashComplete(cli, {}, "osr", "_OSR_COMPLETE")
    return complete.get_completions(list(arguments), incomplete)


def test_a_shell_completes_commands_options_models_and_paths(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("osr.cli.import_module", pytest.fail)  # which takes a second for all
        assert [item.value for item in _completed(incomplete="d")] == [
            name for name in COMMANDS if name.startswith("d")
        ]
    assert "--precision" in [i.value for i in _completed("restore", incomplete="--pre")]
    models = [i.value for i in _completed("restore", "a.png", "--model", incomplete="osr-d")]
    assert models == [name for name in registry() if name.startswith("osr-d")]
    for words in (("restore",), ("restore", "a.png", "-o"), ("info",)):
        assert [i.type for i in _completed(*words, incomplete="./x")] == ["file"]


def test_the_script_of_the_shell():
    code = "from osr.cli import main; main()"
    environment = os.environ | {"_OSR_COMPLETE": "bash_source", "PYTHONPATH": str(ROOT)}
    program = "import sys; sys.argv[0] = 'osr'; " + code
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert "complete -o nosort -F" in run.stdout, run.stderr


def test_a_terminal_gets_no_colours(here, tiny_model):
    """So that there is nothing for NO_COLOR to switch off."""
    main, terminal = pty.openpty()
    program = "from osr.cli import main; main()"
    arguments = ["restore", "a.png", "absent.png", "-o", "out", "--model", str(tiny_model)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment,
        stdout=terminal, stderr=terminal, stdin=terminal,
    )  # fmt: skip
    os.close(terminal)
    shown = os.read(main, 1 << 16).decode()
    os.close(main)
    assert run.returncode == 2
    assert "1 restored, 1 failed" in shown
    assert "\x1b[3" not in shown
    assert "\x1b[9" not in shown
    assert read("out/a.png").pixels.shape == (40, 18, 3)
