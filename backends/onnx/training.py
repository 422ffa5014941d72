"""What a backend offers for training, and this one refuses."""

from __future__ import annotations

from typing import NoReturn

from osr_core.errors import BackendError


def Trainer(*_: object, **__: object) -> NoReturn:
    """Raise :class:`BackendError`."""
    _refuse("trains")


def init_distributed(*_: object, **__: object) -> NoReturn:
    """Raise :class:`BackendError`."""
    _refuse("trains")


def reprogram(*_: object, **__: object) -> NoReturn:
    """Raise :class:`BackendError`."""
    _refuse("reprograms")


def shutdown() -> None:
    """Do nothing: no other process takes part."""


def _refuse(what: str) -> NoReturn:
    raise BackendError(
        f"backend onnx: restores only; PyTorch {what} (pip install 'osr[torch]', --backend torch), "
        "or MindSpore (pip install 'osr[mindspore]', --backend mindspore)"
    )
