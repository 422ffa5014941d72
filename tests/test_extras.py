"""What a small installation does, and what it says of the rest."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from command_line import osr
from image_files import random

import osr as package
from osr import extras
from osr.images import Picture, write
from osr_core.errors import PackageError

ROOT = Path(__file__).resolve().parent.parent
EVALUATION = extras.EXTRAS["evaluation"]


@pytest.fixture
def small(monkeypatch):
    """As if no extra were installed."""
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name in EVALUATION else find_spec(name)
    )


@pytest.mark.parametrize(
    ("arguments", "workflow"),
    [
        (["evaluate", "--data", "photos", "-o", "report"], "evaluation"),
        (["compare", "A", "B", "--report", "."], "comparison"),
        (["inspect", "a.png", "--model", "osr-sr", "-o", "b.png"], "inspection"),
        (["train", "paper-small", "--task", "denoise", "-o", "run"], "data set scikit-image"),
    ],
)
def test_workflows_name_the_extra_that_they_need(small, monkeypatch, tmp_path, arguments, workflow):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.png", Picture(random(3, height=40)))
    run = osr(*arguments)
    assert run.returncode == 2
    assert run.errors == [f"osr: {workflow}: needs skimage; pip install 'osr[evaluation]'"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_demo_names_its_own(small):
    (line,) = osr("demo").errors
    assert re.fullmatch(r"osr: demo: needs \w+; pip install 'osr\[demo\]'", line)


def test_python_names_it_as_well(small, tmp_path):
    from osr.report import write_report

    for workflow in (lambda: write_report(tmp_path), lambda: package.compare("a", "b", tmp_path)):
        with pytest.raises(PackageError, match=r"needs skimage; pip install 'osr\[evaluation\]'"):
            workflow()


def test_everything_else_does_without(tmp_path, tiny_model):
    write(tmp_path / "a.png", Picture(random(3, height=40)))
    code = f"""
import sys
sys.modules |= dict.fromkeys({EVALUATION})  # importing one fails
from osr.cli import cli
for line in (
    "restore a.png -o b.png --model {tiny_model}",
    "degrade a.png -o c.png --degradation raindrops:0.2,radius=5",
    "convert osr-sr d.ckpt",
    "info osr-sr",
    "data list",
):
    cli.main(line.split(), standalone_mode=False)
"""
    command = [sys.executable, "-c", code]
    run = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert {"b.png", "c.png", "d.ckpt"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_extras_are_those_of_the_installation(extra):
    (listed,) = re.findall(rf'"{extra}": \[(.*)\]', (ROOT / "setup.py").read_text("utf-8"))
    packages = [re.split("[>=]", each.strip(' "'))[0] for each in listed.split(",")]
    assert {name.replace("scikit-image", "skimage") for name in packages} == {*extras.EXTRAS[extra]}
