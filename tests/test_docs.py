"""What the documentation says is true: commands and Python run, options and files exist."""

from __future__ import annotations

import csv
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from clips import write_clip

from osr.cli import cli
from osr.degradations import Chain
from osr.evaluation.config import Config
from osr.images import Picture, write
from osr.training.recipe_files import load_stages
from osr_core.registry import registry

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / "docs").rglob("*.md"))
CARDS = sorted((ROOT / "weights" / "files").glob("*.md"))
FRONT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES = [*FRONT, *DOCS, *CARDS]

SHORTER = {
    "train": ["--set", "steps=2", "--set", "batch_size=2", "--set", "validation.samples=1"],
    "evaluate": ["--limit", "1", "--no-baselines"],
}
"""Added to commands that would take long."""

OLD_WORDS = re.compile(
    r"\b(told|goes on|mends?|mended|lies over|held[ -]out|as it comes|for want of|whose work|fears"
    r"|wary|timid|ajar|strangers?|veil|damaged?|untouched)\b",
    re.IGNORECASE,
)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def _commands(page: Path) -> list[list[str]]:
    """Arguments of all lines that start with osr or python, in fenced and indented blocks."""
    indented = re.findall(r"^    ((?:osr|python) .*)$", page.read_text("utf-8"), re.M)
    text = "\n".join((*_blocks(page, "bash"), *indented)).replace("\\\n", " ").replace(" … ", " ")
    lines = (shlex.split(line, comments=True) for line in text.splitlines())
    return [line for line in lines if line and line[0] in ("osr", "python")]


def _program(file: Path) -> click.Command | None:
    """The command of a tool; None for a program that takes its arguments as they are."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main if isinstance(module.main, click.Command) else None


def _parse(command: click.Command, arguments: list[str]) -> None:
    context = click.Context(command, info_name=command.name)
    if isinstance(command, click.Group):
        child = command.get_command(context, arguments[0])
        assert child is not None, f"no command {arguments[0]}"
        return _parse(child, arguments[1:])
    values, _, _ = command.make_parser(context).parse_args(list(arguments))
    for option in command.params:
        given = values.get(option.name) if isinstance(option, click.Option) else None
        for value in given if isinstance(given, list) else [given]:
            if value is None or value is True:
                continue
            if isinstance(option.type, click.Choice):
                option.type.convert(value, option, context)
            if option.name == "degradations":
                Chain.parse(value)
            if "--model" in option.opts and not value.endswith(".safetensors"):
                assert value in registry(), value
    if command.name == "train":
        load_stages(*values["recipes"], task=values.get("task"), assign=values.get("assign", ()))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_and_options_exist(page):
    for program, *arguments in _commands(page):
        if program == "osr":
            _parse(cli, arguments)
        else:
            file = ROOT / arguments[0]
            assert file.is_file(), file
            command = _program(file)
            if command is not None:
                _parse(command, arguments[1:])


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A folder with the files that the documentation speaks of, small."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (48, 40, 3), np.uint8)
    for name in ("photo.jpg", "foggy.jpg", "photos/a.png", "photos/b.png", "scans/c.tiff"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        write(path, Picture(pixels))
    if importlib.util.find_spec("av"):
        write_clip(tmp_path / "clip.mp4", np.stack([pixels] * 3))
    for name in ("recipes", "examples", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("runs/denoise/model.safetensors",):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(registry()["osr-denoise"].path, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in (FRONT[0], *DOCS) if _commands(p)], ids=_name)
def test_commands_run(page, sandbox):
    pytest.importorskip("torch")
    for program, *arguments in _commands(page):
        here = not any("DIR" in argument or "cuda" in argument for argument in arguments)
        # Those serve until they are ended, and measure for minutes.
        if program == "osr" and here and arguments[0] not in ("demo", "bench"):
            shorter = SHORTER.get(arguments[0], [])
            result = CliRunner().invoke(cli, [*arguments, *shorter], catch_exceptions=False)
            assert result.exit_code == 0, (arguments, result.output)


@pytest.mark.parametrize("page", [p for p in PAGES if _blocks(p, "python")], ids=_name)
def test_python_runs(page, sandbox):
    pytest.importorskip("torch")
    names: dict[str, object] = {}
    for block in _blocks(page, "python"):
        exec(compile(block, _name(page), "exec"), names)


@pytest.mark.parametrize("page", [p for p in DOCS if _blocks(p, "toml")], ids=_name)
def test_recipes_are_read(page, tmp_path):
    path = tmp_path / "block.toml"
    for block in _blocks(page, "toml"):
        path.write_text(block, "utf-8")
        if "[[column]]" in block:
            Config.load(path)
        else:
            load_stages(path)


@pytest.mark.parametrize("page", [*FRONT, *CARDS], ids=_name)
def test_links_lead_somewhere(page):  # those between pages of the site are checked by its build
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "experiments"], ids=_name)
def test_files_that_are_named_exist(page):  # the code of the experiments is history
    folders = "backends|docs|osr|osr_core|recipes|tests|tools|weights"
    for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text("utf-8")):
        assert page == FRONT[3] or (ROOT / path).exists(), path


def test_readme_is_short():
    assert len(FRONT[0].read_text("utf-8").splitlines()) <= 150


def test_the_table_of_models_in_readme_has_the_figures_of_the_cards():
    text = FRONT[0].read_text("utf-8").replace("−", "-")
    for row in csv.DictReader((ROOT / "weights" / "files" / "figures.csv").open(encoding="utf-8")):
        if row["column"].startswith("all "):
            (line,) = re.findall(rf"^\| `{row['model']}`.*", text, re.M)
            gain = f"{float(row['gain']):+.2f} dB".replace("+0.00", "0.00")
            assert f"| {gain}" in line, row
            assert not row["worse"] or line.endswith(f"| {row['worse']} % |"), row


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_words_are_plain(page):
    assert not OLD_WORDS.findall(page.read_text("utf-8"))


def test_words_of_the_help_are_plain():
    def texts(command, context):
        yield command.get_help(context)
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                yield from texts(child, click.Context(child, context, name))

    for text in texts(cli, click.Context(cli, info_name="osr")):
        assert not OLD_WORDS.findall(text), text


@pytest.mark.slow
def test_site_is_built_and_loads_nothing(tmp_path):
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loads = re.compile(r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)=[\"']?(https?:[^\"' >]+)")
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text("utf-8")
        assert not loads.findall(text), page
        assert "generated:" not in text
        assert not OLD_WORDS.findall(re.sub(r"<[^>]+>", " ", text)), page  # docstrings as well
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?https?:", style.read_text("utf-8")), style
