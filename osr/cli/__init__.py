"""The command line, ``osr …``: the one place where all floors meet.

A command's module is imported when the command runs, so that ``osr --help`` loads no framework.
Errors that a user can mend become one line and exit status 2.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from osr_core import __version__
from osr_core.backend import BACKENDS, VARIABLE, require_backend
from osr_core.errors import OSRError

COMMANDS = {
    "restore": "restore",
    "models": "models",
    "info": "models",
    "doctor": "doctor",
    "convert": "convert",
    "parity": "parity",
    "train": "train",
    "data": "data",
    "degrade": "degrade",
    "evaluate": "evaluate",
    "compare": "compare",
    "inspect": "inspect",
}
"""Every command and the module of this package that holds it."""


class _Commands(click.Group):
    """Finds a command by importing its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"osr.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="osr")
def cli() -> None:
    """Restore degraded photographs, also from degradation that the model never saw."""


backend_option = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help=f"Framework to use.  [default: {VARIABLE}, else what is installed]",
)


def use_backend(name: str | None) -> Any:
    """The :mod:`backends` package, with the backend of that name picked."""
    if name is not None:
        os.environ[VARIABLE] = require_backend(name)
    return import_module("backends")


def fail(message: object) -> None:
    """One line on standard error."""
    click.echo(f"osr: {message}", err=True)


def main() -> NoReturn:
    """Run the command line and exit; see :func:`run`."""
    run(cli)


def run(command: click.Command) -> NoReturn:
    """Run a command and exit: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    try:
        status = command.main(standalone_mode=False)
    except OSRError as error:
        fail(error)
        status = 2
    except click.ClickException as error:
        fail(error.format_message())
        status = 2
    except click.Abort:
        fail("interrupted")
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
