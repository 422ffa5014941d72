"""Atomic writes: no file is ever half written or lost."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well.

    If the block fails, the temporary file is removed and whatever was at ``path`` is untouched.
    The content is on the disk before it takes its place, so that a power failure leaves the old
    file or the new one. The temporary name keeps the suffix, since writers pick a format by it.
    """
    target = Path(path)
    temporary = target.with_name(f".osr-{secrets.token_hex(8)}{target.suffix}")
    # Created with the permissions of any new file: those that the umask of the process leaves.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
