"""Devices and precisions. Twin of :mod:`backends.torch.device`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
from mindspore import nn
from mindspore.common.api import _pynative_executor

from osr_core.backend import Device, choose_device, parse_device, require_precision
from osr_core.errors import DeviceError

DTYPES = {"float32": ms.float32, "bfloat16": ms.bfloat16, "float16": ms.float16}

TARGETS = {"ascend": "Ascend", "cuda": "GPU", "cpu": "CPU"}
"""MindSpore's names, the preferred one first."""

SIZES = 8
"""Sizes of images whose kernels are kept."""

_sizes: set[tuple[int, ...]] = set()


def version() -> str:
    """Version of the framework."""
    return str(ms.__version__)


def devices() -> list[str]:
    """Names of all devices that can be used now, the preferred one first."""
    cuda = [f"cuda:{index}" for index in range(_count("GPU"))]
    ascend = [f"ascend:{index}" for index in range(_count("Ascend"))]
    return ascend + cuda + ["cpu"]


def select(name: str) -> Device:
    """As :func:`osr_core.backend.choose_device`, among the devices here.

    In MindSpore the device belongs to the process: it is set here, once, and what is built
    afterwards lives there. DeviceError also if the process is bound to another.
    """
    device = choose_device(name, devices(), "MindSpore")
    target, index = TARGETS[device.kind], device.index
    try:
        ms.set_device(target, index)
    except RuntimeError:  # something ran or was set before
        current = ms.get_current_device()
        if (current.device_target, current.device_id) != (target, index):
            raise DeviceError(
                f"device {name}: MindSpore computes on {current.device_target} in this process "
                "already; choose the device first, or start another process"
            ) from None
    return device


def current() -> Device:
    """The device on which this process computes; in PyTorch each tensor knows its own."""
    target = ms.get_context("device_target")
    return next(parse_device(kind) for kind, name in TARGETS.items() if name == target)


def has_fast_bfloat16(kind: str) -> bool:
    """Whether devices of a kind compute in bfloat16 at full speed."""
    return False  # there is none on CPU, and Ascend was not measured


def check_precision(kind: str, precision: str) -> None:
    """Raise :class:`DeviceError` unless devices of a kind compute in that precision."""
    require_precision(precision)
    if kind == "cpu" and precision == "bfloat16":
        raise DeviceError("precision bfloat16: unsupported by MindSpore on a CPU; use float32")


def set_precision(network: nn.Cell, precision: str) -> None:
    """Compute a network's convolutions in that precision from now on, the phase in float32."""
    # Not a context as in PyTorch but a property of each cell.
    prefix = getattr(network, "precision_prefix", "")
    for name, cell in network.cells_and_names():
        reduced = name.startswith(prefix) and not name.endswith("phase")
        if reduced and isinstance(cell, (nn.Conv2d, nn.Conv2dTranspose)):
            cell.to_float(DTYPES[precision])


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same cell or function, on Ascend as one graph; keep it: each new shape is compiled."""
    return ms.jit(function) if ms.get_context("device_target") == "Ascend" else function


def bound_kernels(shape: tuple[int, ...]) -> None:
    """Before images of this shape: drop all kernels, once there are those of :data:`SIZES` others.

    MindSpore keeps the kernels of every size until the process ends: 7 MB each for a U-Net of
    0.5 M parameters.
    """
    if shape not in _sizes and len(_sizes) == SIZES:
        _pynative_executor.clear_res()  # there is no public name
        _sizes.clear()
    _sizes.add(shape)


def _count(target: str) -> int:
    try:
        return int(getattr(ms.device_context, target.lower()).device_count())
    except RuntimeError:  # not there
        return 0
