"""Reading, working and writing at the same time, job after job, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import Any, Generic, TypeVar

Loaded = TypeVar("Loaded")
Part = TypeVar("Part")

_PARTS = 2  # of a job that wait to be written
_LARGE_BYTES = 64 << 20  # an input above this is alone: the next is not read meanwhile


@dataclass
class Result:
    """What became of one input: it has an ``output``, was ``skipped``, or failed with ``error``."""

    input: str
    output: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    frames: int | None = None
    """Of a video, those that were restored now."""
    note: str | None = None
    """What of the input was left out, e.g. all frames but the first."""
    skipped: str | None = None
    """Why an entry of an input folder was passed over."""
    error: str | None = None
    """One line that names the input."""


@dataclass(frozen=True)
class Job:
    """One input and the files to make from it."""

    index: int
    """Position among all inputs: a random seed derived from it does not depend on failures."""
    source: Path
    targets: tuple[Path, ...]
    page: int | None = None
    """Of several pages or frames the one to read, from 0; ``None``: the first."""


@dataclass
class Profile:
    """Seconds that each stage took; they overlap, so that their sum exceeds the total."""

    read: float = 0.0
    """Reading and decoding."""
    compute: float = 0.0
    """The network, with conversions before and after it."""
    write: float = 0.0
    """Encoding and writing."""
    wait: float = 0.0
    """In which nothing was computed, since a file was still being read or written."""
    total: float = 0.0
    """From the first file to the last, without loading the model."""

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage; each stage belongs to one thread."""
        started = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, stage, getattr(self, stage) + time.perf_counter() - started)


class Channel(Generic[Part]):
    """A queue of few parts from one thread to another, which may both end it."""

    def __init__(self) -> None:
        self._parts: deque[Part] = deque()
        self._condition = Condition()
        self._ended = self._dropped = False
        self.error: BaseException | None = None
        """With which the sender ended."""
        self.waited = 0.0
        """Seconds that the receiver waited for parts."""

    def put(self, part: Part) -> bool:
        """Send a part once there is room; false if the receiver takes no more."""
        with self._condition:
            self._condition.wait_for(lambda: self._dropped or len(self._parts) < _PARTS)
            self._parts.append(part)
            self._condition.notify_all()
            return not self._dropped

    def end(self, error: BaseException | None = None) -> None:
        """Send no more; with an error, which the receiver raises after the parts."""
        with self._condition:
            self._ended, self.error = True, error
            self._condition.notify_all()

    def drop(self) -> None:
        """Receive no more."""
        with self._condition:
            self._dropped = True
            self._condition.notify_all()

    def __iter__(self) -> Iterator[Part]:
        while True:
            started = time.perf_counter()
            with self._condition:
                self._condition.wait_for(lambda: self._parts or self._ended)
                self.waited += time.perf_counter() - started
                if not self._parts:
                    if self.error is not None:
                        raise self.error
                    return
                part = self._parts.popleft()
                self._condition.notify_all()
            yield part


@dataclass
class Pending:
    """A job that was worked on and is being written."""

    job: Job
    result: Future[Result]
    seconds: float
    """That it took, without the rest of its writing."""


class Stages(Generic[Loaded, Part]):
    """The threads of :func:`osr.jobs.run_jobs`: one reads, one writes, the caller's works."""

    def __init__(
        self,
        read: Callable[[Job], Loaded],
        work: Callable[[Job, Loaded, Callable[[float], object]], Iterable[Part]],
        write: Callable[[Job, Loaded, Iterator[Part]], Result],
        profile: Profile,
    ) -> None:
        self._read, self._work, self._write, self._profile = read, work, write, profile
        self._reader, self._writer = (ThreadPoolExecutor(1, name) for name in ("read", "write"))
        self._ahead: Future[Loaded] | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        for pool in (self._reader, self._writer):
            pool.shutdown(cancel_futures=True)

    def start(self, job: Job, following: Job | None, advance: Callable[[float], object]) -> Pending:
        """Work on a job, whose parts are written meanwhile, and begin to read the next."""
        started = time.perf_counter()
        loading = self._ahead or self._reader.submit(self._load, job)
        self._ahead = None
        try:
            with self._profile.measure("wait"):
                loaded = loading.result()
        except Exception as error:
            failed: Future[Result] = Future()
            failed.set_exception(error)
            return Pending(job, failed, time.perf_counter() - started)
        if following is not None and _pixel_bytes(loaded) <= _LARGE_BYTES:
            self._ahead = self._reader.submit(self._load, following)
        channel: Channel[Part] = Channel()
        result = self._writer.submit(self._save, job, loaded, channel)
        self._send(channel, lambda: self._work(job, loaded, advance))
        return Pending(job, result, time.perf_counter() - started)

    def _send(self, channel: Channel[Part], work: Callable[[], Iterable[Part]]) -> None:
        """Parts as they are made; an error ends the channel, and the writing with it."""
        try:
            parts = iter(work())
            while True:
                with self._profile.measure("compute"):
                    part = next(parts, None)
                if part is None:
                    break
                with self._profile.measure("wait"):
                    taken = channel.put(part)
                if not taken:
                    break
            channel.end()
        except BaseException as error:
            channel.end(error)
            if not isinstance(error, Exception):
                raise

    def _load(self, job: Job) -> Loaded:
        with self._profile.measure("read"):
            return self._read(job)

    def _save(self, job: Job, loaded: Loaded, channel: Channel[Part]) -> Result:
        started = time.perf_counter()
        try:
            return self._write(job, loaded, iter(channel))
        except Exception:
            if channel.error is not None:  # the cause, whatever writing made of it
                raise channel.error from None
            raise
        finally:
            channel.drop()
            self._profile.write += time.perf_counter() - started - channel.waited


def _pixel_bytes(loaded: Any) -> int:
    """Of a picture; 0 of anything else, or of an image that is read by rows."""
    pixels = getattr(loaded, "pixels", None)
    return int(getattr(pixels, "nbytes", 0))
