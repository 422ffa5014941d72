"""What a weight file holds, and where in it the weights are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from osr_core.errors import CheckpointError

_AVERAGES = ("params_ema", "state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "net_ema",
             "ema_net", "g_ema", "ema", "shadow")  # fmt: skip
_KEYS = (*_AVERAGES, "state_dict", "model_state_dict", "model", "params", "network", "net",
         "generator", "weights", "module")  # fmt: skip
"""Keys under which training programs keep weights. The first that is there counts: averages before
the weights of the last step, since their authors evaluate averages."""


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


def select(data: Any, key: str | None = None) -> tuple[Any, str, tuple[str, ...]]:
    """Find the state dict in nested mappings.

    Args:
        data: what a file holds.
        key: where the state dict is, such as ``params`` or ``model.ema``; also the first part of
            the names of a group of tensors. By default a well-known key, averages first, or the
            only mapping there is; in a state dict, a group of averages.

    Returns:
        The state dict, its key, and other keys that could be asked for.

    Raises:
        CheckpointError: if there is nothing under the key, or several keys and none well-known.

    >>> select({"state_dict": {"w": 1}, "state_dict_ema": {"w": 2}, "epoch": 3})
    ({'w': 2}, 'state_dict_ema', ('state_dict',))
    >>> import numpy as np
    >>> select({"net.w": np.zeros(1), "ema.w": np.ones(1)})
    ({'w': array([1.])}, 'ema', ('net',))
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
        raise CheckpointError(f"holds {', '.join(nested)}; choose one (--key)")
    return nested


def _under(data: Any, key: str) -> Any:
    first, _, rest = key.partition(".")
    if isinstance(data, Mapping) and isinstance(data.get(key), Mapping):
        return data[key]
    if isinstance(data, Mapping) and isinstance(data.get(first), Mapping):
        return _under(data[first], rest) if rest else data[first]
    group = {
        name.removeprefix(f"{key}."): value
        for name, value in (data.items() if isinstance(data, Mapping) else ())
        if str(name).startswith(f"{key}.")
    }
    if not group:
        there = ", ".join(str(name) for name in data) if isinstance(data, Mapping) else ""
        raise CheckpointError(f"holds nothing under {key!r}, but {there[:200] or 'no names'}")
    return group
