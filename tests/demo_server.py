"""The server of ``osr demo`` in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
