"""Devices as execution providers of ONNX Runtime, and how sessions are set up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnxruntime

from osr_core.backend import Device, parse_device, require_precision
from osr_core.errors import DeviceError


@dataclass(frozen=True)
class Provider:
    """An execution provider."""

    name: str
    """Of ONNX Runtime."""
    package: str
    """The package on PyPI whose ONNX Runtime has it."""
    options: Mapping[str, str]


PROVIDERS: Mapping[str, Provider] = {
    # TensorFloat-32 would leave 3 decimal digits.
    "cuda": Provider("CUDAExecutionProvider", "onnxruntime-gpu", {"use_tf32": "0"}),
    "cpu": Provider("CPUExecutionProvider", "onnxruntime", {}),
    "coreml": Provider("CoreMLExecutionProvider", "onnxruntime for macOS", {}),
    "directml": Provider("DmlExecutionProvider", "onnxruntime-directml", {}),
    "openvino": Provider("OpenVINOExecutionProvider", "onnxruntime-openvino", {}),
    "cann": Provider("CANNExecutionProvider", "onnxruntime-cann", {}),
}
"""The provider of each kind of device; ``auto`` is the first that is there, hence CUDA or CPU."""


def version() -> str:
    """Version of ONNX Runtime."""
    return str(onnxruntime.__version__)


def devices() -> list[str]:
    """Names of the devices that ONNX Runtime was built for, the preferred one first."""
    built = onnxruntime.get_available_providers()
    return [str(Device(kind)) for kind, each in PROVIDERS.items() if each.name in built]


def select(name: str) -> Device:
    """The device of a name: ``auto``, ``cpu``, ``cuda[:i]``, ``cann[:i]``, ``directml[:i]``,
    ``coreml`` or ``openvino``.

    Raises:
        DeviceError: if this ONNX Runtime was built without its provider.
    """
    present = devices()
    device = parse_device(present[0] if name == "auto" else name)
    if str(Device(device.kind)) not in present:
        provider = PROVIDERS.get(device.kind)
        fix = f"it comes with {provider.package}; " if provider else ""
        raise DeviceError(
            f"device {name}: not usable by ONNX Runtime here; {fix}available: {', '.join(present)}"
        )
    return device


def check_precision(precision: str) -> None:
    """Raise :class:`DeviceError` unless it is float32."""
    require_precision(precision)
    if precision != "float32":
        raise DeviceError(
            f"precision {precision}: the onnx backend computes in float32; use that, or torch"
        )


def session(model: bytes, device: Device) -> Any:
    """A session of ONNX Runtime that runs a model on a device.

    It computes with ``OMP_NUM_THREADS`` threads, if that is set, as the other backends do; else
    with one for each core that the process may use.

    Raises:
        DeviceError: if the device itself is absent, or its driver.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 4  # what fails raises an error
    # Threads that wait for the next run would take the cores of those that read and write.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # On a CPU a plan of the memory takes half as much again. DirectML supports none.
    options.enable_mem_pattern = device.kind not in ("cpu", "directml")
    provider, settings = PROVIDERS[device.kind], {}
    if device.kind in Device.INDEXED:
        settings["device_id"] = str(device.index)
    wanted = {provider.name: {**provider.options, **settings}}
    wanted.setdefault(PROVIDERS["cpu"].name, {})  # for nodes that the device does not have
    try:
        made = onnxruntime.InferenceSession(
            model, options, list(wanted.items()), enable_fallback=False
        )
    except Exception as error:  # of types that ONNX Runtime does not export
        cause = str(error).partition("\n")[0]
        raise DeviceError(f"device {device}: ONNX Runtime does not start: {cause}") from error
    if made.get_providers()[0] != provider.name:
        raise DeviceError(f"device {device}: {provider.name} does not start; try --device cpu")
    return made


def _threads() -> int:
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):  # not in macOS and Windows
        return len(os.sched_getaffinity(0))
    return 0  # ONNX Runtime's choice: one for each physical core
