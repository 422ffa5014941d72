"""The command line, ``osr …``: one module a command, imported when the command runs.

Errors that a user can fix become one line and exit status 2.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NoReturn

import click
from click.exceptions import NoArgsIsHelpError
from click.shell_completion import CompletionItem

from osr_core import __version__
from osr_core.errors import LONGEST_MESSAGE, OSRError, is_out_of_memory, printable
from osr_core.settings import suggest

COMMANDS = {
    "restore": "Restore image files.",
    "models": "List the models that come with the package.",
    "info": "Describe a model or a weight file.",
    "doctor": "Show what is installed and which backend and device would be used.",
    "convert": "Convert weight files between PyTorch, MindSpore and safetensors.",
    "export": "Write a model for other programs: ONNX, torch.export, MindIR or darktable.",
    "bench": "Measure how fast models are on this machine.",
    "parity": "Compare the backends with each other and with the NumPy reference.",
    "train": "Train a model from a recipe.",
    "data": "List known datasets and verify local copies.",
    "degrade": "Degrade image files.",
    "evaluate": "Evaluate models on datasets and write a report.",
    "compare": "Compare two evaluated models image by image.",
    "inspect": "Show what the parts of a network do to an image.",
    "demo": "Serve a page to try the models in a browser.",
}
"""Every command with its line in ``osr --help``; ``osr.cli.NAME`` holds the command NAME."""


class _Commands(click.Group):
    """Imports a command's module when the command is used; the list of commands needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in COMMANDS:
            raise click.UsageError(f"no command {cmd_name!r}; {suggest(cmd_name, COMMANDS)}")
        command: click.Command = getattr(import_module(f"osr.cli.{cmd_name}"), cmd_name)
        import_module("osr.cli.options").add_verbosity(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name and command and not ctx.resilient_parsing:  # as it is to complete a line
            ctx.default_map = {name: import_module("osr.cli.config").defaults(command, name)}
        return name, command, rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = {name: text for name, text in COMMANDS.items() if name.startswith(incomplete)}
        items = [CompletionItem(name, help=text) for name, text in found.items()]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="osr")
def cli() -> None:
    """Restore degraded photographs, also from degradations the model was not trained on.

    \b
    osr restore photo.jpg -o better.jpg
    osr restore photos/ -o restored --model osr-denoise
    osr degrade photos/ --degradation noise:25 -o noisy
    osr evaluate --data photos/ --degradation noise:25 -o report
    osr train paper-small --task denoise -o runs/denoise

    Results are on standard output, progress and messages on standard error; --json makes results
    readable for programs. Defaults of options are read from osr.toml, in this folder or in the
    folder of your settings. Exit status: 0 done, 1 a check failed, 2 invalid input.
    """


def fail(message: object) -> None:
    """One line on standard error."""
    click.echo(f"osr: {printable(message, LONGEST_MESSAGE)}", err=True)


class _Lines(logging.Handler):
    """Warnings as lines on standard error, above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        message = printable(record.getMessage(), LONGEST_MESSAGE)
        tqdm.write(f"osr: {message}", file=sys.stderr)


def _terminate(number: int, frame: object) -> NoReturn:
    fail(signal.Signals(number).name.lower())
    sys.exit(128 + number)  # raises, so that what cleans up runs


def _end_in_order() -> None:
    """Let SIGTERM and SIGHUP end the program as Ctrl-C does, unless they are ignored."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def main() -> NoReturn:
    """Run the command line and exit; see :func:`run`."""
    logging.getLogger("osr").addHandler(_Lines())
    _end_in_order()
    run(cli)


def run(command: click.Command, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 done, 1 a check failed, 2 invalid input, 130 interrupted.

    :func:`main` adds 143 for SIGTERM and 129 for SIGHUP.
    """
    try:
        with _quiet_decoders():
            status = command.main(arguments, standalone_mode=False)
        sys.stdout.flush()
    except NoArgsIsHelpError as error:
        error.show()
        status = 2
    except (OSRError, click.ClickException) as error:
        fail(error.format_message() if isinstance(error, click.ClickException) else error)
        status = 2
    except OSError as error:
        status = _full_output(error)
    except click.Abort:
        fail("interrupted")
        status = 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        fail("out of memory; give smaller files, --tile or --memory, or another --device")
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


@contextmanager
def _quiet_decoders() -> Iterator[None]:
    """Without the warnings of libraries that decode images; what matters is in our own line."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # read when OpenCV is imported
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _full_output(error: OSError) -> int:
    """Status after standard output could not be written; any other error is a defect."""
    if error.errno not in (errno.ENOSPC, errno.EPIPE, errno.EIO) or error.filename is not None:
        raise error
    fail(f"output cannot be written: {error.strerror}")
    # Python would try once more at exit, and fail with a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2
