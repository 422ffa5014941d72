"""Networks in PyTorch or MindSpore, the same twice.

Importing this package picks one: ``OSR_BACKEND=torch|mindspore``, else the one that is installed,
PyTorch first. Its names are then found here:

    import backends
    network = backends.load("osr-general")

Either twin can also be named: ``from backends import mindspore``, ``from backends import torch``;
both work in one process.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from osr_core.backend import pick_backend

if TYPE_CHECKING:
    from backends.torch import (
        Network,
        Trainer,
        build,
        cpu_cap,
        devices,
        join,
        leave,
        load,
        reprogram,
        version,
    )

name = pick_backend()
"""The backend that was picked."""

__all__ = [
    "Network",
    "Trainer",
    "build",
    "cpu_cap",
    "devices",
    "join",
    "leave",
    "load",
    "name",
    "reprogram",
    "version",
]

_picked = import_module(f"backends.{name}")
globals().update({public: getattr(_picked, public) for public in _picked.__all__})
