"""Foreign names → canonical names, and the spec that a set of named tensors implies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from osr_core.errors import SpecError, printable
from osr_core.migration import canonical_name, upgrade_names
from osr_core.spec import GridDehaze, ModelSpec, Residual

Tensors = Mapping[str, NDArray[Any]]

_WRAPPERS = ("module.", "_orig_mod.", "network.", "net.")
"""Prefixes that DataParallel, torch.compile and training cells put before every name."""

_BOOKKEEPING = re.compile(
    r"(moment[12]|moments|accum|stat|adam_[mv])\..+|.+\.num_batches_tracked"
    r"|learning_rate|global_step|current_iterator_step|last_overflow_iterator_step"
    r"|beta[12]_power|epoch_num|step_num|loss_scale"
)
"""What optimisers and training loops save beside the weights."""

_UNDETERMINED = {
    ".input_transform.": "a reprogrammed network",
    ".experts.": "a mixture of experts",
    ".encoder.0.0.conv1.weight": "a U-Net",
}
"""Part of a tensor's name → the network that has it."""


def canonical(tensors: Tensors) -> dict[str, NDArray[Any]]:
    """The weights among some named tensors, by canonical (PyTorch) name.

    Strips wrapper prefixes that all names share, drops optimiser state, and renames MindSpore's
    normalisation parameters. Names that are canonical already stay as they are.

    >>> import numpy as np
    >>> list(canonical({"module.conv.weight": np.zeros(1), "module.norm.gamma": np.zeros(1)}))
    ['conv.weight', 'norm.weight']
    """
    weights = {name: array for name, array in tensors.items() if not _BOOKKEEPING.fullmatch(name)}
    while prefix := next((p for p in _WRAPPERS if weights and _shared(p, weights)), ""):
        weights = {name.removeprefix(prefix): array for name, array in weights.items()}
    return upgrade_names({canonical_name(name): array for name, array in weights.items()})


def infer_spec(state: Tensors) -> ModelSpec:
    """The spec of a plain network whose tensors, by canonical name, determine it.

    These are the authors' baseline and GridDehazeNet. Tensors do not tell a U-Net's activation,
    nor the gates of a reprogrammed network or of a mixture of experts.

    Raises:
        SpecError: if the tensors are those of another network.
    """
    for marker, name in _UNDETERMINED.items():
        if any(marker in f".{tensor}" for tensor in state):
            raise SpecError(f"the tensors of {name} do not determine it; give its spec (--spec)")
    try:
        if "conv_input_3.weight" in state:
            return ModelSpec(_residual(state))
        if "rdb_module.0_0.conv_1x1.weight" in state:
            return ModelSpec(_griddehaze(state))
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"a tensor is missing or misshapen: {error}; see --spec") from None
    some = ", ".join(printable(name, 40) for name in list(state)[:3])
    raise SpecError(f"names such as {some} belong to no known network; give a spec (--spec)")


def _residual(state: Tensors) -> Residual:
    names = ("conv_input_3", "conv_up_1", "conv_up_2", "conv_down_1", "conv_down_2")
    return Residual(tuple(len(state[f"{name}.weight"]) for name in names))


def _griddehaze(state: Tensors) -> GridDehaze:
    height, width, *_ = state["coefficient"].shape
    dense = [n for n in state if re.fullmatch(r"rdb_in\.\w+\.\d+\.conv\.weight", n)]
    growth = len(state["rdb_in.residual_dense_layers.0.conv.weight"])
    return GridDehaze(height, width, len(state["conv_in.weight"]), len(dense), growth)


def _shared(prefix: str, names: Iterable[str]) -> bool:
    return all(name.startswith(prefix) for name in names)
