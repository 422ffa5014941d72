"""A function on several threads, its results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from osr_core.errors import ImageError

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_order(
    function: Callable[[_In], _Out], items: Iterable[_In], pool: ThreadPoolExecutor, ahead: int
) -> Iterator[_Out]:
    """Results of a function in the order of its arguments, computed ahead by the threads of a pool.

    At most ``ahead`` results wait while one is used. At an :class:`ImageError` of ``items``, what
    was taken before is still yielded.
    """
    waiting: deque[Future[_Out]] = deque()
    error = None
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
    except ImageError as reason:
        error = reason
    while waiting:
        yield waiting.popleft().result()
    if error is not None:
        raise error


def on_threads(function: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """:func:`in_order` on up to four threads of its own, for functions that release Python's lock.

    >>> list(on_threads(len, ["a", "bc"]))
    [1, 2]
    """
    threads = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        yield from in_order(function, items, pool, ahead=threads)
