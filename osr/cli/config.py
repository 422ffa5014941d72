"""Defaults of options from ``osr.toml``: of the user, and over it of the current folder.

    [restore]
    model = "osr-denoise"
    backend = "onnx"
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from osr import settings
from osr.cli import COMMANDS
from osr_core.errors import OptionError
from osr_core.settings import require, suggest

NAME = "osr.toml"

VARIABLE = "OSR_CONFIG"
"""Environment variable: the only file to read; none if it is empty."""


def files() -> list[Path]:
    """The files that are read; later ones override earlier ones."""
    only = os.environ.get(VARIABLE)
    if only is not None:
        return [Path(only)] if only else []
    places = Path(click.get_app_dir("osr"), NAME), Path(NAME)
    return [path for path in places if path.is_file()]


def defaults(command: click.Command, name: str) -> dict[str, Any]:
    """Values of a command's options by parameter, as :attr:`click.Context.default_map` takes them.

    Raises:
        OptionError: naming the file and the key: if a file cannot be read, or has a table of no
            command, or a key or value that is none of this command's options.
    """
    found: dict[str, Any] = {}
    for path in files():
        tables = settings.load([path])
        for key in tables:
            if key not in COMMANDS:
                raise OptionError(f"{path}: {key}: no command; {suggest(key, COMMANDS)}")
        table = _values(command, tables.get(name, {}), f"{path}: {name}")
        found = settings.merge(found, table)
    return found


def _values(command: click.Command, table: Any, where: str) -> dict[str, Any]:
    require(isinstance(table, Mapping), where, "a table of options", table)
    if isinstance(command, click.Group):
        known: Mapping[str, Any] = command.commands
    else:
        known = {
            name[2:]: param
            for param in command.params
            for name in param.opts
            if name.startswith("--") and not param.required
        }
    for key in table:
        if key not in known:
            raise OptionError(f"{where}.{key}: cannot be set; {suggest(key, known)}")
    if isinstance(command, click.Group):
        return {key: _values(known[key], each, f"{where}.{key}") for key, each in table.items()}
    for key, value in table.items():
        _check(known[key], value, click.Context(command), f"{where}.{key}")
    return {known[key].name: value for key, value in table.items()}


def _check(option: click.Option, value: Any, ctx: click.Context, where: str) -> None:
    if option.multiple:
        require(isinstance(value, list), where, "a list", value)
    else:
        require(not isinstance(value, (list, Mapping)), where, "one value", value)
    if option.is_flag or isinstance(value, bool):
        require(option.is_flag and isinstance(value, bool), where, option.type.name, value)
    try:
        option.type_cast_value(ctx, value)
    except click.BadParameter as error:
        raise OptionError(f"{where}: {error.message}") from None
