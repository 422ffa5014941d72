"""Files of anyone are read with a bound; no file is ever half written or lost."""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

TEXT_BYTES = 16 * 2**20
"""Longest text file that is read: a recipe, a list of images, a description."""


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading; one that is no plain file is refused, not waited for.

    Raises:
        OSError: if there is no such file, or it is a folder, a device, a pipe or a socket.
    """
    file = open(path, "rb", opener=_open)  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(0, "not a plain file")


def _open(path: str, flags: int) -> int:
    """Opening a pipe waits for its writer, unless asked not to."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_bounded(path: str | os.PathLike[str], longest: int = TEXT_BYTES) -> bytes:
    """The content of a plain file of at most that many bytes; raises :class:`OSError`."""
    with open_regular(path) as file:
        content = file.read(longest + 1)
    if len(content) > longest:
        raise OSError(0, f"larger than {longest:,} bytes")
    return content


_PREFIX = ".osr-"
"""Of the names of temporary files."""


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well.

    If the block fails, the temporary file is removed and whatever was at ``path`` is untouched.
    The content is on the disk before it takes its place, so that a power failure leaves the old
    file or the new one. The temporary name keeps the suffix, since writers pick a format by it.
    """
    target = Path(path)
    temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{target.suffix}")
    # Created with the permissions of any new file: those that the umask of the process leaves.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path, age: float = 0) -> None:
    """Remove what killed processes left in a folder.

    Args:
        folder: with an age of 0 no other process may be writing there.
        age: seconds since a file was last written; one that is younger may be in use.
    """
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another process removes it too, or it is another user's
            if time.time() - path.stat().st_mtime >= age:
                path.unlink()
