"""PyTorch's ``.pth``/``.pt`` files ↔ NumPy arrays. PyTorch is imported only when one is touched.

Such a file is a pickle, and a pickle can run any program. It is read with ``weights_only=True``
and never otherwise: a file that needs anything but tensors and plain containers is refused. Before
PyTorch 2.6 that setting could be got round (CVE-2025-32434), so older ones are refused too; for
files from strangers prefer 2.10 or later, which mends a memory fault there (CVE-2026-24747).

NumPy has no bfloat16: such tensors are read as float32, which holds them exactly.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osr_core.errors import BackendError, CheckpointError
from osr_core.files import atomic_write

PathLike = str | os.PathLike[str]

SAFE_SINCE = "2.6"
"""First version of PyTorch whose ``weights_only=True`` runs no foreign code."""

_NESTS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
"""Keys under which training programs keep the weights. Where there are several the first counts:
averaged weights are what their authors evaluate."""


def read(path: PathLike) -> dict[str, NDArray[Any]]:
    """The tensors of a file, by name, in its order.

    A state dict may be plain, or lie under ``state_dict``, ``model``, ``params``, ``params_ema``
    or ``model_state_dict``, beside whatever else the file holds.

    Returns:
        Arrays of the stored shape and type (bfloat16 as float32), in C order, writable and
        independent of each other even where tensors shared memory. Empty tensors are kept.

    Raises:
        BackendError: if PyTorch is absent or too old.
        CheckpointError: if the file cannot be read, needs code of its own, or holds anything but
            named tensors.
    """
    torch = _torch("reading")
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols; the error says what matters
            data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # degraded files raise nearly every type there is
        raise CheckpointError(f"{path}: {_reason(error)}") from None
    state = _unwrap(data)
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, not named tensors")
    try:
        return {_name(key): _array(torch, key, value) for key, value in state.items()}
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def write(path: PathLike, tensors: Mapping[str, ArrayLike]) -> None:
    """Write arrays as a plain state dict that ``load_state_dict`` takes; atomic.

    Args:
        path: the file; one that exists is replaced.
        tensors: arrays by name, of any type that PyTorch has too; at least one of them.

    Raises:
        BackendError: if PyTorch is absent or too old.
        CheckpointError: if an array cannot be stored, or the file cannot be written.
    """
    torch = _torch("writing")
    try:
        if not tensors:
            raise CheckpointError("no tensors to write")
        state = {_name(key): _tensor(torch, key, value) for key, value in tensors.items()}
        # Through an open file, since torch.save would put the temporary name into the archive.
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            torch.save(state, file)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except (OSError, RuntimeError) as error:  # PyTorch reports a full disk by the latter
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise CheckpointError(f"{path}: cannot be written: {reason}") from None


def _torch(doing: str) -> ModuleType:
    try:
        import torch
    except ImportError:
        raise BackendError(f"{doing} .pth needs PyTorch: pip install 'osr[torch]'") from None
    if torch.__version__ < SAFE_SINCE:
        raise BackendError(
            f"{doing} .pth needs PyTorch {SAFE_SINCE} or later (CVE-2025-32434), "
            f"not {torch.__version__}: pip install -U 'osr[torch]'"
        )
    return torch


def _reason(error: Exception) -> str:
    if isinstance(error, PermissionError):  # degradation raises other kinds of OSError
        return "cannot be read: Permission denied"
    remedy = "code in weight files is never run; ask for its plain state_dict()"
    if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
        return f"needs {found[1]}, and {remedy}"
    if "TorchScript" in str(error):
        return f"is a TorchScript program, and {remedy}"
    return f"not a PyTorch weight file, or a degraded one ({type(error).__name__})"


def _unwrap(data: Any) -> Any:
    for _ in _NESTS:  # not for ever: a dict in a pickle can hold itself
        if not isinstance(data, Mapping):
            break
        key = next((key for key in _NESTS if isinstance(data.get(key), Mapping)), None)
        if key is None:
            break
        data = data[key]
    return data


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise CheckpointError(f"{key!r:.80}: is no name of a tensor")
    return key


def _array(torch: ModuleType, name: str, value: Any) -> NDArray[Any]:
    if not isinstance(value, torch.Tensor):
        raise CheckpointError(f"{name!r:.80}: is a {type(value).__name__}, not a tensor")
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise CheckpointError(f"{name!r:.80}: is sparse, quantized or without data")
    shape = tuple(value.shape)
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        # A broadcast view of one number can claim any size at all.
        raise CheckpointError(f"{name!r:.80}: shape {shape} is more than the file holds")
    tensor = value.detach()
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    try:
        return np.array(tensor.numpy(), order="C")
    except (TypeError, RuntimeError):
        raise CheckpointError(f"{name!r:.80}: type {value.dtype} is not one NumPy has") from None


def _tensor(torch: ModuleType, name: str, value: ArrayLike) -> Any:
    array = np.asarray(value)
    try:
        # A copy, since tensors can neither be read-only nor have negative strides.
        return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
    except TypeError:
        raise CheckpointError(f"{name!r:.80}: type {array.dtype} is not one PyTorch has") from None
