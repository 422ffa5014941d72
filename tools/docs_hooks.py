"""Hooks of the documentation: what the code knows is written by the code, when the site is built.

A page says ``<!-- generated: NAME -->``, and the table of that name in :data:`TABLES` takes its
place. Model cards and the changelog, which lie elsewhere, become pages.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import getdoc
from pathlib import Path
from typing import Any, get_type_hints

import click
import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from osr.cli import cli
from osr.datasets import catalogue
from osr.degradations import DEGRADATIONS, Param
from osr.evaluation.baselines import BASELINES
from osr.evaluation.zero_shot import ZERO_SHOT
from osr.report.view import signed
from osr.training.recipe import Recipe
from osr_core.analysis import analyse
from osr_core.checkpoint import Checkpoint
from osr_core.registry import registry
from osr_core.spec import BACKBONES, External, ModelSpec
from osr_core.training.losses import LOSSES

ROOT = Path(__file__).resolve().parent.parent
CARDS = ROOT / "weights" / "files"
DIVIDER = ROOT / "osr" / "web" / "divider.js"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def degradations() -> str:
    """Every degradation with its parameters."""
    parts = []
    for name, each in DEGRADATIONS.items():
        text = f"{name}{':LEVEL' if each.level else ''}"
        parts += [f"### `{text}`", "", f"{each.summary}.", ""]
        meaning = _arguments(each.function)
        rows = [
            (f"`{key}`", meaning.get(key, "–"), _given(key == each.level, p), _train(p), _valid(p))
            for key, p in each.params.items()
        ]
        head = ("parameter", "meaning", "default", "in training", "valid")
        parts += [table(head, rows)] if rows else []
        parts += [f"In training: {_plain(each.sampler.__doc__ or '')}", ""] if each.sampler else []
    return "\n".join(parts)


def data_sets() -> str:
    """Every data set of the catalogue."""
    rows = (
        (f"`{name}`", each.title, each.degradation or "–", each.size, each.terms, f"<{each.url}>")
        for name, each in catalogue().items()
    )
    return table(("name", "content", "degradation", "download", "terms", "where"), rows)


def backbones() -> str:
    """Every backbone with the size of its default."""
    own = {kind: each for kind, each in BACKBONES.items() if each is not External}
    specs = {kind: (each, analyse(ModelSpec(each()))) for kind, each in own.items()}
    rows = (
        (f"`{kind}`", f"{known.parameter_count:,}", f"{known.macs_per_pixel:,.0f}", _summary(each))
        for kind, (each, known) in specs.items()
    )
    return table(("backbone", "parameters", "MACs per pixel", "description"), rows)


def models() -> str:
    """Every published model."""
    sums = _figures()
    rows = []
    for name, entry in registry().items():
        size = analyse(Checkpoint.load(entry.path).spec).parameter_count
        seen, unseen = sums[name, "all seen"], sums[name, "all unseen"]
        link, worse = f"[`{name}`]({name}.md)", f"{unseen['worse']} %"
        rows.append((link, entry.summary, f"{size:,}", _gain(seen), _gain(unseen), worse))
    head = ("model", "for", "parameters", "gain, seen", "gain, unseen", "unseen, worse")
    return table(head, rows)


def matrix() -> str:
    """Gains on every column of the matrix, here a row, of every published model; bold if seen."""
    cells = _figures()
    columns = [c for model, c in cells if model == next(iter(registry()))]
    shown = [c for c in columns if not c.startswith(("all ", "scikit-image "))]
    rows = ((c.replace("_", " "), *(_gain(cells[name, c]) for name in registry())) for c in shown)
    return table(("images", *(f"`{name}`" for name in registry())), rows)


def baselines() -> str:
    """Every method that was not trained."""
    every = {**BASELINES, **ZERO_SHOT}
    rows = ((f"`{k}`", b.title, ", ".join(sorted(b.kinds))) for k, b in every.items())
    return table(("baseline", "method", "degradation"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "commands": lambda: "\n".join(_command(cli, click.Context(cli, info_name="osr"))),
    "recipe keys": lambda: "\n".join(_keys(Recipe, "")),
    "degradations": degradations,
    "data sets": data_sets,
    "backbones": backbones,
    "models": models,
    "matrix": matrix,
    "losses": lambda: table(("loss", "definition"), ((f"`{k}`", v) for k, v in LOSSES.items())),
    "baselines": baselines,
}
"""What a page can ask for."""


class PlainDocstrings(griffe.Extension):
    """Docstrings as Markdown: doctests become blocks of code, cross-references their names."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by mkdocstrings for everything that it documents."""
        if obj.docstring:
            text = re.sub(r":\w+:`~?\.*([^`]+)`", r"`\1`", obj.docstring.value)
            text = re.sub(r" *# doctest:.*", "", text)
            doctest = r"(?m)^( *)>>> .*\n?(?:^\1\S.*\n?)*"
            text = re.sub(doctest, lambda m: f"```pycon\n{m[0].rstrip()}\n```\n", text)
            obj.docstring.value = text


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Cards follow the page of the models in the navigation."""
    (section,) = (s["Models"] for s in config.nav or () if "Models" in s)
    section += [{name: f"models/{name}.md"} for name in registry()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Cards and the changelog become pages; links in them are as their place there needs. The
    divider of the gallery is that of the reports."""
    for name in registry():
        text = (CARDS / f"{name}.md").read_text("utf-8").replace("../../docs/images/", "../images/")
        files.append(File.generated(config, f"models/{name}.md", content=text))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    files.append(File.generated(config, "changelog.md", content=changelog))
    files.append(File.generated(config, DIVIDER.name, content=DIVIDER.read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in the tables that a page asks for."""
    return re.sub(r"<!-- generated: (.+?) -->", lambda match: TABLES[match[1]](), markdown)


def _command(command: click.Command, ctx: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None
            yield from _command(child, click.Context(child, ctx, name))
        return
    usage = " ".join(command.collect_usage_pieces(ctx))
    yield f"## `{ctx.command_path}`\n\n```text\n{ctx.command_path} {usage}\n```\n"
    yield re.sub(r"\n[ \t]*\b", "\n", (command.help or "").replace("\b\n", "\n")) + "\n"
    options = (p for p in command.get_params(ctx) if isinstance(p, click.Option))
    records = (option.get_help_record(ctx) for option in options)
    rows = ((f"`{record[0]}`", record[1].replace("[", "\\[")) for record in records if record)
    yield table(("option", "meaning"), rows)


def _keys(section: type[Any], prefix: str) -> Iterator[str]:
    hints, docs = get_type_hints(section), griffe.load(section.__module__)[section.__name__]
    nested: list[tuple[str, type[Any]]] = []
    rows: list[tuple[str, str, str]] = []
    for field in fields(section):
        kind = hints[field.name]
        if is_dataclass(kind) and isinstance(kind, type) and kind is not ModelSpec:
            nested.append((f"{prefix}{field.name}", kind))
            continue
        docstring = docs.members[field.name].docstring
        text = docstring.value if docstring else ""
        rows.append((f"`{field.name}`", _default(field), _plain(text)))
    title = f"`[{prefix.rstrip('.')}]`" if prefix else "Top level"
    yield f"### {title}\n\n{_summary(section)}\n"
    yield table(("key", "default", "meaning"), rows)
    for name, kind in nested:
        yield from _keys(kind, f"{name}.")


def _figures() -> dict[tuple[str, str], dict[str, str]]:
    with (CARDS / "figures.csv").open(encoding="utf-8", newline="") as file:
        return {(row["model"], row["column"]): row for row in csv.DictReader(file)}


def _gain(row: Mapping[str, str]) -> str:
    """PSNR itself for clean images, which have nothing to gain."""
    if row["state"] == "clean":
        return row["restored"]
    gain = signed(float(row["gain"]))
    return f"**{gain}**" if row["state"] == "seen" else gain


def _default(field: Field[Any]) -> str:
    factory = field.default_factory
    value = factory() if factory is not MISSING else field.default
    return "required" if value is MISSING else f"`{value!r}`"


def _summary(documented: object) -> str:
    """The first paragraph of a docstring."""
    return _plain((documented.__doc__ or "").partition("\n\n")[0])


def _plain(text: str) -> str:
    """A docstring's cross-references as code."""
    text = re.sub(r":\w+:`~?\.*([^`]+)`", r"`\1`", text)
    return re.sub(r"``([^`]+)``", r"`\1`", " ".join(text.split()))


def _given(level: bool, param: Param) -> str:
    if level or param.training_only:
        return "LEVEL" if level else "in training only"
    return "random" if param.default is None else f"{param.default:g}"


def _range(pair: tuple[float, float]) -> str:
    return f"{pair[0]:g} to {pair[1]:g}"


def _arguments(function: Callable[..., object]) -> dict[str, str]:
    """The arguments of a docstring with what it says of each, up to a semicolon or full stop."""
    section = (getdoc(function) or "").partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: re.split(r"[;:.]\s", _plain(text))[0].rstrip(".") for name, text in found}


def _train(param: Param) -> str:
    if param.train[0] == param.train[1]:
        return f"{param.train[0]:g}"
    how = param.draw.__name__.replace("_", " ")
    return _range(param.train) + ("" if how == "uniform" else f", {how}")


def _valid(param: Param) -> str:
    return " or ".join(f"{each:g}" for each in param.choices) or _range(param.valid)


def _cell(value: object) -> str:
    """One line; bars are escaped outside of code, where Markdown does not take them as they are."""
    parts = " ".join(str(value).split()).split("`")
    return "`".join(p if i % 2 else p.replace("|", "\\|") for i, p in enumerate(parts))
