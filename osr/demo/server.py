"""The addresses that the page asks, and the server that answers."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from osr.demo import work
from osr.demo.sessions import Made, Session, Sessions
from osr.demo.work import Settings
from osr.inspection import captions
from osr_core.errors import OptionError, OSRError

UPLOAD_BYTES = 512 << 20
"""Largest file that a page may send."""

SESSIONS = 32
"""Open at one time."""

_ALIVE = 5.0  # seconds between lines that are sent so that a lost connection is noticed
_PAGE = Path(__file__).parent / "page"
_WEB = Path(__file__).parent.parent / "web"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Demo:
    """What the page can ask for. Errors are JSON, ``{"error": line}``."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._sessions = settings, Sessions(folder)

    def routes(self) -> list[Route]:
        """Every address."""
        return [
            Route("/", _page("index.html")),
            Route("/page.css", _page("page.css")),
            Route("/page.js", _page("page.js")),
            Route("/divider.js", _page("divider.js", _WEB)),
            Route("/options", self.options),
            Route("/session", self.session),
            Route("/session/{token}/photo", self.upload, methods=["PUT"]),
            Route("/session/{token}/restore", self.restore, methods=["POST"]),
            Route("/session/{token}/inspect", self.inspect, methods=["POST"]),
            Route("/session/{token}/files/{name}", self.file),
        ]

    async def options(self, request: Request) -> Response:
        """Models, and the files that can be read."""
        return JSONResponse(work.options(self._settings))

    async def session(self, request: Request) -> Response:
        """Open a session and stream its events; it ends with the connection."""
        if len(self._sessions) >= SESSIONS:
            raise HTTPException(503, f"{SESSIONS} pages are open, which is the limit")
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        async with self._sessions.open() as (token, session):
            yield _event({"token": token})
            while True:
                try:
                    event = await asyncio.wait_for(session.events.get(), _ALIVE)
                except asyncio.TimeoutError:
                    yield ":\n\n"
                else:
                    yield _event(event)

    async def upload(self, request: Request) -> Response:
        """Keep the photograph of a session."""
        session = self._session(request)
        if session.source is not None:
            raise HTTPException(409, "this session has a photograph; open another session")
        name = work.upload_name(request.query_params.get("name", ""))
        session.source = session.folder / name
        try:
            with session.used(), session.source.open("wb") as file:
                async for part in request.stream():
                    if file.tell() + len(part) > UPLOAD_BYTES:
                        limit = f"{UPLOAD_BYTES >> 20} MiB"
                        raise HTTPException(413, f"the file exceeds {limit}; use osr restore")
                    await asyncio.to_thread(file.write, part)
        except ClientDisconnect:
            raise HTTPException(400, "the upload was interrupted") from None
        except OSError as error:
            reason = f"the photograph cannot be stored: {error.strerror}"
            raise HTTPException(507, reason) from None
        return JSONResponse({})

    async def restore(self, request: Request) -> Response:
        """Restore the photograph of a session."""
        session, loop = self._session(request), asyncio.get_running_loop()
        source, check = _source(session), session.request()
        model, degradation = (request.query_params.get(k, "") for k in ("model", "degradation"))

        def progress(share: float) -> None:
            check()
            loop.call_soon_threadsafe(session.events.put_nowait, {"done": share})

        def job() -> work.Restored:
            check()
            with session.new_results() as folder:
                return work.restore(source, folder, model, degradation, self._settings, progress)

        made = await self._run(session, job)
        session.files, session.model = made.files, model
        return JSONResponse({"files": list(made.files), **made.facts})

    async def inspect(self, request: Request) -> Response:
        """Amplitude, phase and gates of what was restored last."""
        session = self._session(request)
        source, model = session.files.get("degraded", _source(session)), session.model
        pictures = await self._run(
            session, lambda: work.inspect(source, session.results, model, self._settings)
        )
        session.files |= pictures
        shown = [
            {"name": name, "title": title, "text": meaning}
            for name, (title, meaning) in captions(pictures).items()
        ]
        return JSONResponse({"pictures": shown})

    async def file(self, request: Request) -> Response:
        """A picture of a session."""
        path = self._session(request).files.get(request.path_params["name"])
        if path is None or not path.is_file():
            raise HTTPException(404, "no such picture")
        return FileResponse(path)

    async def _run(self, session: Session, job: Callable[[], Made]) -> Made:
        try:
            return await self._sessions.run(session, job)
        except OSRError as error:
            raise HTTPException(422, work.public(error, session.folder)) from None
        except MemoryError:
            raise HTTPException(422, "out of memory; use a smaller photograph") from None

    def _session(self, request: Request) -> Session:
        session = self._sessions.get(request.path_params["token"])
        if session is None:
            raise HTTPException(404, "this session has ended; choose the photograph again")
        return session


def make_server(settings: Settings, folder: Path, host: str) -> uvicorn.Server:
    """A server that keeps its sessions in a folder; it answers once it is run with a socket."""
    # A page of another site, whose name leads to this machine, sends its own name as the host.
    hosts = ["localhost", "127.0.0.1"] if is_loopback(host) else ["*"]
    app = Starlette(
        routes=Demo(settings, folder).routes(),
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
        exception_handlers={HTTPException: _failed, Exception: _failed},
    )
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off", ws="none",
        headers=list(_HEADERS.items()), limit_concurrency=8 * SESSIONS,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    return uvicorn.Server(config)


def serve(settings: Settings, host: str, port: int, on_ready: Callable[[str], object]) -> None:
    """Serve the page until the process is asked to end; ``on_ready`` receives its address.

    Raises:
        OptionError: if the host or port cannot be used.
    """
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"--host {host} --port {port}: cannot listen: {reason}") from None
    with listener, TemporaryDirectory(prefix="osr-demo-") as folder:
        on_ready(f"http://{host}:{listener.getsockname()[1]}/")
        make_server(settings, Path(folder), host).run([listener])


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to a host."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _page(name: str, folder: Path = _PAGE) -> Callable[[Request], Response]:
    return lambda request: FileResponse(folder / name)


def _source(session: Session) -> Path:
    if session.source is None:
        raise HTTPException(409, "this session has no photograph yet")
    return session.source


def _event(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event)}\n\n"


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    return JSONResponse({"error": "the server failed; its terminal has the details"}, 500)
