"""The server of ``osr demo`` in a thread, and its page without a browser."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from osr.demo.server import make_server
from osr.demo.work import Settings


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[int]:
    """Its port; once it ended, nothing is left in the folder."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(settings, folder, "127.0.0.1")
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
    assert not [*folder.iterdir()]


@dataclass
class Running:
    """A server in a thread."""

    port: int
    folder: Path

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        """Status, and the answer: JSON or bytes."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        is_json = answer.getheader("content-type") == "application/json"
        return answer.status, json.loads(content) if is_json else content

    def open(self) -> Page:
        return Page(self)


class Page:
    """A session, without a browser."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._connection.request("GET", "/session")
        self._stream = self._connection.getresponse()
        self.token = self.event()["token"]

    def event(self) -> dict[str, Any]:
        while True:
            line = self._stream.readline().strip()
            if line.startswith(b"data: "):
                event: dict[str, Any] = json.loads(line[6:])
                return event

    def ask(self, method: str, rest: str, body: bytes | None = None) -> Any:
        return self._server.ask(method, f"/session/{self.token}/{rest}", body)

    def close(self) -> None:
        self._stream.close()
        self._connection.close()
