"""A memory of arrays that were costly to make, bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from numpy.typing import NDArray

T = TypeVar("T", bound=NDArray[object])  # type: ignore[type-var]

LIMIT = 1 << 30
"""Bytes that one process keeps."""


class Keeping(Generic[T]):
    """Arrays by key; the least recently used ones go when the limit is reached.

    >>> import numpy as np
    >>> keeping = Keeping(limit=100)
    >>> for key in "abc":
    ...     _ = keeping.get(key, lambda: np.zeros(40, np.uint8))
    >>> keeping.keys()
    ['b', 'c']
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._arrays: OrderedDict[Hashable, T] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The array of a key, made if it is not there."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        array = self._arrays[key] = make()
        self._bytes += array.nbytes
        while self._bytes > self.limit and len(self._arrays) > 1:
            self._bytes -= self._arrays.popitem(last=False)[1].nbytes
        return array

    def keys(self) -> list[Hashable]:
        """Keys of what is kept, the least recently used first."""
        return list(self._arrays)
