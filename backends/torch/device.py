"""Devices and precisions. Twin of :mod:`backends.mindspore.device`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from osr_core.backend import Device, parse_device
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


def select(name: str) -> torch.device:
    """The device of a name: ``auto``, ``cpu``, ``cuda[:i]``, ``ascend[:i]``.

    Raises:
        DeviceError: if there is no such device here.
    """
    device = parse_device(name)
    present = devices()
    if device.kind == "auto":
        device = parse_device(present[0])
    if str(device) not in present:
        raise DeviceError(
            f"device {name}: not usable by PyTorch here; these are: {', '.join(present)}"
        )
    return torch.device(_framework_name(device))


def check_precision(device: torch.device, precision: str) -> None:
    """Raise :class:`DeviceError` unless the device computes in that precision."""
    if precision not in DTYPES:
        raise DeviceError(f"precision {precision}: expected one of {', '.join(DTYPES)}")
    if device.type == "cuda" and precision == "bfloat16" and not torch.cuda.is_bf16_supported():
        raise DeviceError("precision bfloat16: this GPU has none; use float16 or float32")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Convolutions in that precision, what needs it in float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, DTYPES[precision])


def _framework_name(device: Device) -> str:
    names = {"cpu": "cpu", "cuda": f"cuda:{device.index}", "ascend": f"npu:{device.index}"}
    return names[device.kind]


def _npu_count() -> int:
    # torch_npu adds torch.npu when it is installed; torch loads it by itself (entry point).
    npu = getattr(torch, "npu", None)
    return int(npu.device_count()) if npu is not None else 0
