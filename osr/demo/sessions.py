"""Sessions of the page, each one photograph in a folder of its own, and the queue of their jobs."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from osr_core.errors import OptionError

Made = TypeVar("Made")


class Session:
    """One photograph and what was made of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source: Path | None = None
        self.model = ""
        """Of the last restoration."""
        self.results = folder
        """Folder of the last restoration."""
        self.files: dict[str, Path] = {}
        """What the page may fetch, by name."""
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """For the page."""
        self._closed = False
        self._users = 0
        self._newest = 0

    def request(self) -> Callable[[], None]:
        """Ask for a restoration, and so end older ones; returns what checks that it is wanted."""
        self._newest += 1
        number = self._newest

        def check() -> None:
            if self._closed or number != self._newest:
                raise OptionError("the page no longer needs this")

        return check

    @contextmanager
    def new_results(self) -> Iterator[Path]:
        """A folder that takes the place of the results before, unless the block fails."""
        folder, old = Path(mkdtemp(dir=self.folder)), self.results
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.results = folder
        if old != self.folder:
            shutil.rmtree(old, ignore_errors=True)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep the folder during a block, also if the page is closed meanwhile."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._closed:
                self.close()

    def close(self) -> None:
        """Remove the folder, once nothing uses it."""
        self._closed = True
        if not self._users:
            shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All sessions of a server. One job runs at a time, since networks use all cores."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sessions: dict[str, Session] = {}
        self._turn = asyncio.Lock()  # first come, first served
        self._waiting: dict[object, Session] = {}  # by job, in their order

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, token: str) -> Session | None:
        """The session of a token."""
        return self._sessions.get(token)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[str, Session]]:
        """A new session and its token; the session ends with the block."""
        token = secrets.token_hex(16)
        session = self._sessions[token] = Session(self._folder / token)
        session.folder.mkdir()
        try:
            yield token, session
        finally:
            del self._sessions[token]
            session.close()

    async def run(self, session: Session, job: Callable[[], Made]) -> Made:
        """Do a job in its turn, in a thread; meanwhile the page hears how many are ahead."""
        place = object()
        self._waiting[place] = session
        try:
            self._tell_places()
            async with self._turn:
                del self._waiting[place]
                self._tell_places()
                with session.used():
                    return await asyncio.to_thread(job)
        finally:
            self._waiting.pop(place, None)  # cancelled while it waited

    def _tell_places(self) -> None:
        for ahead, session in enumerate(self._waiting.values(), int(self._turn.locked())):
            session.events.put_nowait({"ahead": ahead})
