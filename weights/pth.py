"""PyTorch's ``.pth``/``.pt`` files ↔ NumPy arrays. PyTorch is imported only when one is touched.

Such a file is a pickle, which can run any program. It is read with ``weights_only=True`` only: a
file that needs anything but tensors and plain containers is refused. Before PyTorch 2.6 that
setting could be bypassed (CVE-2025-32434), so older ones are refused too; for untrusted files
prefer 2.10 or later, which fixes a memory fault there (CVE-2026-24747).

Metadata is in the attribute ``_metadata`` of a state dict, where PyTorch keeps versions of modules
and whose other names ``load_state_dict`` ignores. bfloat16 is read as float32, which holds it
exactly, since NumPy has no such type.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osr_core.errors import BackendError, CheckpointError
from osr_core.files import atomic_write
from weights.content import Content, PathLike, naming, select

SAFE_SINCE = "2.6"
"""First version of PyTorch whose ``weights_only=True`` runs no foreign code."""

TEXT = "osr"
"""Name in ``_metadata`` under which the spec, recipe and provenance are stored."""


def read(path: PathLike, key: str | None = None) -> Content:
    """Read the tensors of a file, by name, in its order, and its metadata.

    Args:
        path: a file with a state dict, plain or nested in mappings.
        key: where it is nested; see :func:`weights.content.select`.

    Returns:
        Arrays of the stored shape and type (bfloat16 as float32), in C order, writable, and
        independent of each other even where tensors shared memory. Empty tensors are kept.

    Raises:
        BackendError: if PyTorch is not installed or too old.
        CheckpointError: if the file cannot be read, needs code of its own, or holds anything but
            named tensors.
    """
    torch = _torch("reading")
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols
            data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # corrupted files raise nearly every type there is
        raise CheckpointError(f"{path}: {_reason(error)}") from None
    with naming(path):
        state, key, others = select(data, key)
        if not isinstance(state, Mapping) or not state:
            raise CheckpointError(f"holds a {type(state).__name__}, not named tensors")
        tensors = {name: _array(torch, name, value) for name, value in state.items()}
        return Content(tensors, _metadata(state), key, others)


def write(
    path: PathLike, tensors: Mapping[str, ArrayLike], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays as a plain state dict that ``load_state_dict`` accepts, atomically.

    Args:
        path: the file; one that exists is replaced.
        tensors: at least one array by name, of any type that PyTorch has too.
        metadata: texts to store beside them.

    Raises:
        BackendError: if PyTorch is not installed or too old.
        CheckpointError: if an array cannot be stored, or the file cannot be written.
    """
    torch = _torch("writing")
    with naming(path, "written"):
        if not tensors:
            raise CheckpointError("no tensors to write")
        state = OrderedDict((name, _tensor(torch, name, x)) for name, x in tensors.items())
        if metadata:
            state._metadata = OrderedDict({TEXT: dict(metadata)})  # type: ignore[attr-defined]
        # By way of memory: torch.save puts a file's name into the archive, and reports a full disk
        # by a RuntimeError.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        with atomic_write(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())


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
    if isinstance(error, PermissionError):  # corruption raises other kinds of OSError
        return "cannot be read: Permission denied"
    remedy = "code in weight files is never run; ask for its plain state_dict()"
    if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
        return f"needs {found[1]}, and {remedy}"
    if "TorchScript" in str(error):
        return f"is a TorchScript program, and {remedy}"
    return f"not a PyTorch weight file, or a corrupted one ({type(error).__name__})"


def _metadata(state: Mapping[str, Any]) -> dict[str, str]:
    texts = getattr(state, "_metadata", None)
    texts = texts.get(TEXT) if isinstance(texts, Mapping) else None
    if not isinstance(texts, Mapping):
        return {}
    return {str(name): value for name, value in texts.items() if isinstance(value, str)}


def _array(torch: ModuleType, name: Any, value: Any) -> NDArray[Any]:
    if not isinstance(name, str):
        raise CheckpointError(f"{name!r:.80}: is not a name of a tensor")
    if not isinstance(value, torch.Tensor):
        raise CheckpointError(f"{name!r:.80}: is a {type(value).__name__}, not a tensor")
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise CheckpointError(f"{name!r:.80}: is sparse, quantized or without data")
    shape = tuple(value.shape)
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():  # broadcast
        raise CheckpointError(f"{name!r:.80}: shape {shape} is more than the file holds")
    tensor = value.detach()
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    try:
        return np.array(tensor.numpy(), order="C")
    except (TypeError, RuntimeError):
        raise CheckpointError(f"{name!r:.80}: type {value.dtype} is not one NumPy has") from None


def _tensor(torch: ModuleType, name: str, value: ArrayLike) -> Any:
    array = np.asarray(value)
    if not isinstance(name, str):
        raise CheckpointError(f"{name!r:.80}: is not a name of a tensor")
    try:
        # A copy, since tensors can neither be read-only nor have negative strides.
        return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
    except TypeError:
        raise CheckpointError(f"{name!r:.80}: type {array.dtype} is not one PyTorch has") from None
