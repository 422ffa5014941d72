"""A checksum over tensors and metadata, which every weight file of ours carries.

A flipped bit in a weight is another number, and no reader of a format would notice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osr_core.errors import CheckpointError

CHECKSUM = "checksum"
"""Key of the metadata."""


def seal(tensors: Mapping[str, ArrayLike], metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata with the checksum, in the order of their keys."""
    rest = {key: value for key, value in metadata.items() if key != CHECKSUM}
    return dict(sorted({**rest, CHECKSUM: checksum(tensors, rest)}.items()))


def verify(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata without its checksum; files of others have none.

    Raises:
        CheckpointError: if it is not that of the tensors and the other metadata.
    """
    rest = dict(metadata)
    found = rest.pop(CHECKSUM, None)
    if found is not None and found != checksum(tensors, rest):
        raise CheckpointError("is corrupted: its checksum does not match; copy it again")
    return rest


def checksum(tensors: Mapping[str, ArrayLike], metadata: Mapping[str, str]) -> str:
    """SHA-256 of all names, types, shapes, values and texts; independent of their order.

    >>> checksum({"a": np.zeros(1)}, {}) == checksum({"a": np.zeros((1, 1))}, {})
    False
    """
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        array = np.asarray(tensors[name])
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(json.dumps([name, little.dtype.str, array.shape]).encode())
        digest.update(little.reshape(-1).view(np.uint8).data)
    return f"sha256:{digest.hexdigest()}"
