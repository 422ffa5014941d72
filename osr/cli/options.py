"""Options that several commands share."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from osr_core.backend import BACKENDS, PRECISIONS, VARIABLE
from osr_core.limits import FACTOR
from osr_core.registry import registry

_MESSAGES = logging.getLogger("osr")
"""Its level is what ``-q`` and ``-v`` change."""


class Overlap(click.ParamType[int | str]):
    """``auto``, ``exact`` or a number of pixels."""

    name = "auto|exact|N"

    def convert(
        self, value: int | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Numbers become such."""
        if isinstance(value, int) or value in ("auto", "exact"):
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is not auto, exact or a number of pixels", param, ctx)


def complete_path(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete a path. ``click.Path`` would also check it, and end a batch."""
    return [CompletionItem(incomplete, type="file")]


def complete_model(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Registered models, or a path where none begins so."""
    found = [CompletionItem(name) for name in registry() if name.startswith(incomplete)]
    return found or complete_path(ctx, param, incomplete)


def quiet() -> bool:
    """Whether nothing but errors, and results that were asked for, is printed."""
    return not _MESSAGES.isEnabledFor(logging.WARNING)


def add_verbosity(command: click.Command) -> None:
    """Add ``-q`` and ``-v`` to a command, or to those of a group."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            add_verbosity(child)
    else:
        command.params += [each for each in _VERBOSITY if each not in command.params]


def _set_level(level: int) -> Callable[[click.Context, click.Parameter, bool], None]:
    def change(ctx: click.Context, param: click.Parameter, given: bool) -> None:
        if given:
            before = _MESSAGES.level
            ctx.call_on_close(lambda: _MESSAGES.setLevel(before))
            _MESSAGES.setLevel(level)

    return change


def _set_limit(ctx: click.Context, param: click.Parameter, factor: float | None) -> None:
    """By the environment, so that it holds in other processes of the command too."""
    if factor is not None:
        before = os.environ.get(FACTOR)
        ctx.call_on_close(lambda: _restore(FACTOR, before))
        os.environ[FACTOR] = str(factor)


def _restore(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


_VERBOSITY = (
    click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, help="No progress, "
                 "warnings, notes or summary.", callback=_set_level(logging.ERROR)),
    click.Option(["-v", "--verbose"], is_flag=True, expose_value=False,
                 help="A line on each file, and more messages.", callback=_set_level(logging.INFO)),
)  # fmt: skip

inputs = click.argument(
    "inputs", nargs=-1, required=True, metavar="INPUT...", shell_complete=complete_path
)
output = click.option(
    "-o",
    "--output",
    required=True,
    help="Output folder, or a file for a single image.",
    shell_complete=complete_path,
)
recursive = click.option(
    "--recursive", is_flag=True, help="Include subfolders and keep them in the output."
)
backend = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help=f"Framework to use.  [default: {VARIABLE}, else the first one installed]",
)
device = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda[:i], ascend[:i]; "
    "with onnx also cann[:i], coreml, directml[:i], openvino.",
)
precision = click.option(
    "--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True
)
tile = click.option("--tile", type=int, help="Longest side of a tile in pixels; 0: no tiles.")
max_pixels = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    help="Largest width times height of an image.  [default: 400 million; above 9 million, "
    "250 for each byte of the file]",
)
model_limit = click.option(
    "--model-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="FACTOR",
    expose_value=False,
    callback=_set_limit,
    help="Of models that you trust: a factor on the largest size that a weight file and its "
    f"network may have.  [default: {FACTOR}, else 1]",
)
overlap = click.option(
    "--overlap",
    type=Overlap(),
    default="auto",
    show_default=True,
    help="Of tiles: auto (measured, verified), exact (as the whole image), or pixels.",
)
memory = click.option(
    "--memory", help="What the process may take at most, such as 2GiB: chooses the size of tiles."
)
pages = click.option(
    "--pages",
    is_flag=True,
    help="All pages or frames of a file, numbered at the end of their names.  [default: the first]",
)
json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
