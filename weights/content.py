"""What a weight file holds, and where in it the weights are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from osr_core.errors import CheckpointError, SpecError, printable

PathLike = str | os.PathLike[str]

_AVERAGES = ("params_ema", "state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "net_ema",
             "ema_net", "g_ema", "ema", "shadow")  # fmt: skip
_KEYS = (*_AVERAGES, "state_dict", "model_state_dict", "model", "params", "network", "net",
         "generator", "weights", "module")  # fmt: skip
"""Keys under which training programs keep weights, in order of preference: moving averages first,
since they are what their authors evaluate."""


@dataclass(frozen=True)
class Content:
    """The content of a weight file of any format."""

    tensors: dict[str, NDArray[Any]]
    metadata: Mapping[str, str] = field(default_factory=dict)
    """JSON texts: ``spec``, ``recipe`` and ``provenance``, of those files that carry them."""
    key: str = ""
    """The key that the tensors were under; empty for a plain state dict."""
    others: tuple[str, ...] = ()
    """Other keys that hold tensors."""


@contextmanager
def naming(path: PathLike, doing: str = "read") -> Iterator[None]:
    """Errors of the block name the file; those of the system become a CheckpointError."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be {doing}: {error.strerror}") from None
    except (CheckpointError, SpecError) as error:
        raise type(error)(f"{path}: {error}") from None


def select(data: Any, key: str | None = None) -> tuple[Any, str, tuple[str, ...]]:
    """Find the state dict in nested mappings.

    Args:
        data: what a file holds.
        key: where the state dict is, such as ``params`` or ``model.ema``; also the first part of
            the names of a group of tensors. By default a well-known key, averages first, or the
            only mapping there is; in a state dict, a group of averages.

    Returns:
        The state dict, its key, and other keys that hold weights.

    Raises:
        CheckpointError: if there is nothing under the key, or several keys and none well-known.

    >>> select({"state_dict": {"w": 1}, "state_dict_ema": {"w": 2}, "epoch": 3})
    ({'w': 2}, 'state_dict_ema', ('state_dict',))
    >>> select({"net.w": 1, "ema.w": 2}, "net")
    ({'w': 1}, 'net', ())
    """
    if key is not None:
        return _under(data, key), key, ()
    path: list[str] = []
    others: list[str] = []
    while (choices := _choices(data)) and len(path) < len(_KEYS):  # a pickle can hold itself
        others += [".".join([*path, name]) for name in choices[1:]]
        path.append(choices[0])
        data = _under(data, choices[0])
    return data, ".".join(path), tuple(others)


def _choices(data: Any) -> list[str]:
    """Keys under which the state dict may be, the best one first; none if ``data`` is it."""
    if not isinstance(data, Mapping):
        return []
    nested = [n for n, v in data.items() if isinstance(n, str) and isinstance(v, Mapping) and v]
    if known := [name for name in _KEYS if name in nested]:
        return known
    if any(hasattr(value, "shape") for value in data.values()):
        groups = {str(name).partition(".")[0] for name in data}
        averages = [name for name in _AVERAGES if name in groups]
        return averages and [*averages, *sorted(groups.difference(averages))]
    if len(nested) > 1:
        raise CheckpointError(f"holds {printable(', '.join(nested[:20]), 200)}; choose one (--key)")
    return nested


def _under(data: Any, key: str) -> Any:
    """The mapping under a key, or the tensors whose names begin with it."""
    items = {str(name): value for name, value in data.items()} if isinstance(data, Mapping) else {}
    for name, value in items.items():
        if isinstance(value, Mapping) and f"{key}.".startswith(f"{name}."):
            return value if name == key else _under(value, key.removeprefix(f"{name}."))
    group = {n.removeprefix(f"{key}."): v for n, v in items.items() if n.startswith(f"{key}.")}
    if not group:
        there = printable(", ".join(list(items)[:20]), 200) or "no names"
        raise CheckpointError(f"holds nothing under {printable(key)!r}, but {there}")
    return group
