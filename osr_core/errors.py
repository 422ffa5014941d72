"""Errors that a user can cause and fix.

Each message is one line that names the file, field or option and the fix. The command line prints
that line and exits with status 2. Any other exception is a bug of this package, unless the memory
does not suffice.
"""

from __future__ import annotations

import re
import reprlib

LONGEST_MESSAGE = 1000
"""Characters of a message; what it quotes from a file is bounded by :func:`printable`."""

_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxlist, _REPR.maxtuple, _REPR.maxdict = 3, 12, 12, 8
_REPR.maxstring = _REPR.maxother = 78


def printable(text: object, longest: int = 80) -> str:
    """Text of a file, or its name, for a terminal: on one line, escaped and bounded.

    Control characters, line ends, bidirectional overrides and bytes that are not UTF-8 would
    forge a message or change the terminal, so they are escaped.

    >>> printable("a\\nosr: done"), printable("x" * 99, 5)
    ('a\\\\nosr: done', 'xxxx…')
    """
    start = str(text)[: longest + 1]
    escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in start)
    return escaped if len(escaped) <= longest else escaped[: longest - 1] + "…"


def quoted(value: object) -> str:
    """A value of a file as Python writes it, escaped and bounded.

    >>> quoted("a" * 1000)[-8:], quoted([[[[[1]]]]])
    ("aaaaaaa'", '[[[[...]]]]')
    """
    try:
        return printable(_REPR.repr(value))
    except ValueError:  # an integer of more digits than Python writes
        return f"a very long {type(value).__name__}"


class OSRError(Exception):
    """Base of all errors that this package raises on purpose; the message is one bounded line."""

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(message, LONGEST_MESSAGE))


class SpecError(OSRError):
    """A model spec is malformed; the message names the field."""


class CheckpointError(OSRError):
    """A weight file cannot be read, or its tensors do not match its spec."""


class ImageError(OSRError):
    """An image file cannot be read or written, or an array is not an image."""


class OutputError(OSRError):
    """A network returned values that are not finite."""


class ModelError(OSRError):
    """No model of that name or file."""


class BackendError(OSRError):
    """A framework is not installed or cannot do what is asked."""


class PackageError(OSRError):
    """A package is not installed that only some workflows need."""


class DeviceError(BackendError):
    """A device is absent, unknown, or does not support the precision."""


class OptionError(OSRError):
    """An option or argument has an invalid value."""


class TrainingError(OSRError):
    """A training run cannot start, continue, resume or be saved."""


_OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|memory (isn't|not) enough|insufficient memory"
    r"|(can't|cannot|unable to|failed to) allocate|bad_alloc",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the memory of the machine or of a device did not suffice, by the error's text."""
    return isinstance(error, MemoryError) or bool(_OUT_OF_MEMORY.search(str(error)))
