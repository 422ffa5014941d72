"""Devices and precisions. Twin of :mod:`backends.mindspore.device`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from osr_core.backend import Device, choose_device, cpu_has_fast_bfloat16, require_precision
from osr_core.errors import DeviceError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def version() -> str:
    """Version of the framework."""
    return str(torch.__version__)


def devices() -> list[str]:
    """Names of all devices that can be used now, the preferred one first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    ascend = [f"ascend:{index}" for index in range(_npu_count())]
    return cuda + ascend + ["cpu"]


def select(name: str) -> Device:
    """As :func:`osr_core.backend.choose_device`, among the devices here."""
    return choose_device(name, devices(), "PyTorch")


def torch_device(device: Device) -> torch.device:
    """PyTorch's own form of a device."""
    kinds = {"cpu": "cpu", "cuda": f"cuda:{device.index}", "ascend": f"npu:{device.index}"}
    return torch.device(kinds[device.kind])


def has_fast_bfloat16(kind: str) -> bool:
    """Whether devices of a kind compute in bfloat16 at full speed."""
    if kind == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    return kind == "cpu" and cpu_has_fast_bfloat16()


def check_precision(kind: str, precision: str) -> None:
    """Raise :class:`DeviceError` unless devices of a kind compute in that precision."""
    require_precision(precision)
    if kind == "cuda" and precision == "bfloat16" and not torch.cuda.is_bf16_supported():
        raise DeviceError("precision bfloat16: unsupported by this GPU; use float16 or float32")


def autocast(kind: str, precision: str) -> AbstractContextManager[object]:
    """A context in which PyTorch's kind of device computes convolutions in that precision."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(kind, DTYPES[precision])


def _npu_count() -> int:
    # torch_npu adds torch.npu when it is installed; torch loads it by itself (entry point).
    npu = getattr(torch, "npu", None)
    return int(npu.device_count()) if npu is not None else 0
