"""What is done: lines of JSON in the target, so that a repeated run does only what is missing."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from osr.cluster.store import Store

FOLDER = ".osr-manifest"
"""Below the target. Each file in it is written once, since objects cannot be appended to."""

_SECONDS = 20.0
_LINES = 5000


@dataclass(frozen=True)
class Done:
    """One picture."""

    name: str
    version: str
    """Of the input; see :class:`~.store.Entry`."""
    output: str
    settings: str
    """Hash of the weights and options it was restored with."""


class Manifest:
    """The manifest of a target; what is added is written some seconds later, and by :meth:`flush`.

    A run that is killed between may restore some pictures again, with the same result.
    """

    def __init__(self, target: Store) -> None:
        self._target = target
        self._run = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        self._lines: list[str] = []
        self._written, self._files = time.monotonic(), 0

    def load(self) -> Mapping[str, Done]:
        """What is done by name; lines that cannot be read are left out."""
        found: dict[str, Done] = {}
        for content in self._target.read(FOLDER):
            for line in content.decode("utf-8", "replace").splitlines():
                try:
                    done = Done(**json.loads(line))
                except (ValueError, TypeError):
                    continue
                found[done.name] = done
        return found

    def add(self, done: Done) -> None:
        """Note a picture whose result is in the target."""
        self._lines.append(json.dumps(asdict(done)))
        if len(self._lines) >= _LINES or time.monotonic() - self._written > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        if self._lines:
            with TemporaryDirectory() as folder:
                path = Path(folder, "lines")
                path.write_text("".join(f"{line}\n" for line in self._lines), "utf-8")
                self._target.put(path, f"{FOLDER}/{self._run}-{self._files:06}.jsonl")
            self._lines, self._files = [], self._files + 1
        self._written = time.monotonic()
