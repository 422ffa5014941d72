"""The networks in PyTorch, in MindSpore and in ONNX Runtime: backends that offer the same names.

The first two are twins, which train and restore; ONNX Runtime restores. Importing this package
loads none. The first use of a name loads the backend that was picked: the one of :func:`use`, else
that of the environment variable ``OSR_BACKEND``, else the first that is installed, PyTorch before
MindSpore before ONNX Runtime.

    import backends
    network = backends.load("osr-general")
    network = backends.get_backend("mindspore").load("osr-general")

All work in one process, also by ``from backends import mindspore, onnx, torch``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from osr_core.backend import pick_backend, require_backend

if TYPE_CHECKING:
    from backends.torch import *  # noqa: F403

OFFERED = (
    "Network",
    "Trainer",
    "build",
    "devices",
    "init_distributed",
    "load",
    "name",
    "reprogram",
    "shutdown",
    "version",
)
"""What every backend offers, and this package in its place."""

_used: str | None = None


def use(name: str | None) -> None:
    """Pick a backend for this process, whatever ``OSR_BACKEND`` says; None takes that back.

    Raises:
        BackendError: if it is unknown or not installed.
    """
    global _used
    _used = name if name is None else require_backend(name)


def get_backend(name: str | None = None) -> ModuleType:
    """The module of a backend, ``torch``, ``mindspore`` or ``onnx``; None: of the one picked.

    Raises:
        BackendError: if it is unknown or not installed, or none is.
    """
    return import_module(f"backends.{require_backend(name) if name else _used or pick_backend()}")


def __getattr__(attribute: str) -> Any:
    if attribute not in OFFERED:
        raise AttributeError(f"module 'backends' has no attribute {attribute!r}")
    return getattr(get_backend(), attribute)
