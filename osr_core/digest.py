"""The digest of tensors and texts that a weight file or training state carries of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEY = "digest"
"""Its key among the texts, which it leaves out."""


def digest(tensors: Mapping[str, NDArray[Any]], texts: Mapping[str, str] | None = None) -> str:
    """SHA-256 of names, types, shapes and values of tensors, and of texts, as hexadecimal digits.

    The order of names, the byte order of the machine and the format of the file play no part.

    Args:
        tensors: arrays by name.
        texts: metadata by name; that of :data:`KEY` does not count.

    >>> digest({"w": np.zeros(2, np.float32)})[:8]
    '137a5eb0'
    >>> digest({"w": np.zeros(2, np.float32)}) == digest({"w": np.zeros((2, 1), np.float32)})
    False
    """
    total = hashlib.sha256()
    for name, text in sorted((texts or {}).items()):
        if name != KEY:
            total.update(repr((name, text)).encode())
    for name in sorted(tensors):
        array = tensors[name]
        plain = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        total.update(repr((name, plain.dtype.str, plain.shape)).encode())
        total.update(plain.reshape(-1).view(np.uint8).data)
    return total.hexdigest()
