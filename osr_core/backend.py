"""What a backend is, and which one is used.

A backend is a module of :mod:`backends`; all offer the same names. This module knows their names
and what they promise; it imports none.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import BackendError, DeviceError
from osr_core.spec import ModelSpec

FRAMEWORKS = ("torch", "mindspore")
"""The backends that also train."""

BACKENDS = (*FRAMEWORKS, "onnx")
"""Every backend, in the order in which one is picked where none is given."""

_PACKAGES = {"onnx": ("onnx", "onnxruntime")}
"""What a backend needs, where that is not the package of its name."""

VARIABLE = "OSR_BACKEND"
"""Environment variable that picks a backend by name."""

Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
"""Types in which convolutions may be computed; the phase is always float32."""


class Network(Protocol):
    """A network of any backend, for framework-neutral code."""

    spec: ModelSpec
    precision: str
    overlap: int | None
    """Pixels by which tiles should overlap, if that was measured; see :mod:`osr_core.strips`."""

    @property
    def memory_factor(self) -> float:
        """Memory of a tile, relative to its feature maps that are needed at one time
        (:attr:`.analysis.Analysis.peak_values`).

        Default tiles and ``--memory`` follow from it. It is chosen by measurements on CPUs, so that
        12 megapixels take less than 1 GiB by default.
        """

    def predict(
        self, images: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Restore a batch on the network's device, in evaluation mode, without gradients.

        Args:
            images: ``(N, 3, H, W)`` in [0, 1], H and W multiples of the total stride, of any
                layout in memory; the result, float32, has the same shape and is not clipped.
            context: of tiles, :func:`osr_core.context.thumbnail` of the whole image.
        """

    def state(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all weights by canonical name, in the spec's order, float32."""

    def load_state(self, values: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        """Copy weights into the network.

        Raises:
            CheckpointError: unless names and shapes are the network's and all values finite.
        """


def is_installed(name: str) -> bool:
    """Whether what a backend needs can be found; it is not imported."""
    return all(importlib.util.find_spec(each) for each in _PACKAGES.get(name, (name,)))


def pick_backend() -> str:
    """The backend that ``OSR_BACKEND`` names, else the first that is installed.

    Raises:
        BackendError: if there is none.
    """
    name = os.environ.get(VARIABLE, "").strip().lower()
    if name:
        return require_backend(name)
    for candidate in BACKENDS:
        if is_installed(candidate):
            return candidate
    raise BackendError(
        "no backend: install ONNX Runtime (pip install 'osr[onnx]'), PyTorch (pip install "
        "'osr[torch]') or MindSpore (pip install 'osr[mindspore]')"
    )


def require_backend(name: str) -> str:
    """The name itself, if it is that of an installed backend; else :class:`BackendError`."""
    if name not in BACKENDS:
        raise BackendError(f"backend {name!r}: expected one of {', '.join(BACKENDS)}")
    if not is_installed(name):
        raise BackendError(f"backend {name}: not installed; pip install 'osr[{name}]'")
    return name


@dataclass(frozen=True)
class Device:
    """A device by its neutral name."""

    PLAIN: ClassVar = ("auto", "cpu", "coreml", "openvino")
    """Kinds of which there is one."""
    INDEXED: ClassVar = ("cuda", "ascend", "cann", "directml")
    """Kinds of which there may be several."""

    kind: str
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.kind in self.INDEXED else self.kind


def parse_device(name: str) -> Device:
    """The device of a name: ``auto``, ``cpu``, ``cuda[:i]`` or ``ascend[:i]``; of ONNX Runtime
    alone ``cann[:i]``, ``directml[:i]``, ``coreml`` or ``openvino``.

    Raises:
        DeviceError: if it is none of these.

    >>> parse_device("cuda"), str(parse_device("ascend:1"))
    (Device(kind='cuda', index=0), 'ascend:1')
    """
    plain, indexed = "|".join(Device.PLAIN), "|".join(Device.INDEXED)
    match = re.fullmatch(rf"({plain})|({indexed})(?::(\d{{1,3}}))?", name)
    if match is None:
        raise DeviceError(
            f"device {name!r}: expected auto, cpu, cuda[:i] or ascend[:i]; with onnx also "
            "cann[:i], directml[:i], coreml or openvino"
        )
    return Device(match[1] or match[2], int(match[3] or 0))


def choose_device(name: str, present: Sequence[str], framework: str) -> Device:
    """The device of a name; ``auto`` is the first that is present.

    Raises:
        DeviceError: if it is not present; the message names the framework.
    """
    device = parse_device(present[0] if name == "auto" else name)
    if str(device) not in present:
        raise DeviceError(
            f"device {name}: not usable by {framework} here; available: {', '.join(present)}"
        )
    return device


LARGEST_COST = 0.02
"""Decibels that a precision may cost to be chosen without being asked for."""


def choose_precision(name: str, cost: float | None, fast: bool) -> str:
    """The precision itself; for ``auto`` bfloat16 where it is fast and costs little.

    Args:
        name: one of :data:`PRECISIONS`, or ``auto``.
        cost: measured decibels that bfloat16 costs the network; None: unknown.
        fast: whether the device computes in bfloat16 at full speed.

    >>> choose_precision("auto", 0.01, True), choose_precision("auto", None, True)
    ('bfloat16', 'float32')
    """
    if name != "auto":
        return name
    return "bfloat16" if fast and cost is not None and cost < LARGEST_COST else "float32"


CPU_INFO = Path("/proc/cpuinfo")
"""What Linux says of the processor."""


def cpu_has_fast_bfloat16() -> bool:
    """Whether this processor multiplies faster in bfloat16: it has AMX, or is AMD's and has
    AVX512_BF16.

    Intel's AVX512_BF16 alone, as virtual machines without AMX have it, takes up to 1.8 times as
    long as float32 in oneDNN (measured on a Xeon of the fifth generation).
    """
    try:
        info = CPU_INFO.read_text("utf-8")
    except OSError:  # not Linux
        return False
    vendor = re.search(r"^vendor_id\s*:\s*(\w+)", info, re.MULTILINE)
    flag = "amx_bf16|avx512_bf16" if vendor and vendor[1] == "AuthenticAMD" else "amx_bf16"
    return bool(re.search(rf"^flags\b.*\b({flag})\b", info, re.MULTILINE))


def require_precision(name: str) -> None:
    """Raise :class:`DeviceError` unless it is one of :data:`PRECISIONS`."""
    if name not in PRECISIONS:
        raise DeviceError(f"precision {name}: expected one of {', '.join(PRECISIONS)}")


@dataclass(frozen=True)
class World:
    """One of the processes that train together.

    >>> World()
    World(rank=0, size=1, device='auto')
    """

    rank: int = 0
    """Number of this process, from 0; rank 0 writes the files."""
    size: int = 1
    """How many there are."""
    device: str = "auto"
    """This process's device, by its neutral name."""

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0


SINGLE = World()
"""A single process."""


def local_device(name: str, present: Sequence[str], rank: int) -> str:
    """The device of one of several processes, by its rank on the machine; an index is ignored.

    >>> local_device("auto", ["cuda:0", "cuda:1", "cpu"], 1), local_device("cpu", ["cpu"], 1)
    ('cuda:1', 'cpu')
    """
    kind = parse_device(present[0] if name == "auto" else name).kind
    return str(Device(kind, rank))
