"""VGG16 up to relu3_3, whose features the perceptual loss compares.

Simonyan and Zisserman, ICLR 2015, configuration D; names and order are torchvision's. Weights are
not published here: torchvision's ``vgg16-397923af.pth`` (:data:`URL`) holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osr_core.checkpoint import check_tensors
from osr_core.errors import CheckpointError, OptionError

URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
"""Download of the weights, 528 MB; the seven convolutions in use take 7 MB of it."""

STAGES = (
    ("features.0", "features.2"),
    ("features.5", "features.7"),
    ("features.10", "features.12", "features.14"),
)
"""Convolutions 3×3, each followed by a ReLU. The last ReLU of a stage (relu1_2, relu2_2, relu3_3)
is what is compared; max-pooling 2×2 leads to the next."""

WIDTHS = (64, 128, 256)
"""Channels of each stage."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's images in [0, 1], by channel; the input of VGG16 is (image - mean) / std."""

METADATA = {"format": "osr", "holds": "vgg16 features up to relu3_3"}
"""Metadata of a converted safetensors file; it has no spec."""

_LAST = 28  # VGG16's last convolution is features.28; VGG19 begins alike and ends at 34

State = dict[str, NDArray[np.float32]]


def vgg_shapes() -> dict[str, tuple[int, ...]]:
    """The tensors in use, by torchvision's name, in order.

    >>> vgg_shapes()["features.5.weight"]
    (128, 64, 3, 3)
    """
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for names, width in zip(STAGES, WIDTHS, strict=True):
        for name in names:
            shapes |= {f"{name}.weight": (width, inputs, 3, 3), f"{name}.bias": (width,)}
            inputs = width
    return shapes


def is_vgg(tensors: Mapping[str, Any]) -> bool:
    """Whether the names are those of a VGG network of torchvision's."""
    return "features.0.weight" in tensors


def vgg_state(tensors: Mapping[str, NDArray[Any]]) -> State:
    """The weights in use, float32, picked from all of VGG16's or from these alone.

    Raises:
        CheckpointError: if one is missing, of another shape or type, or not finite, or if they
            are another network's.
    """
    for name in tensors:
        number = name.split(".")[1:2]
        if name.startswith("features.") and number[0].isdecimal() and int(number[0][:9]) > _LAST:
            raise CheckpointError(f"{name[:40]}: is not in VGG16; give torchvision's {_file()}")
    shapes = vgg_shapes()
    state = {name: tensors[name] for name in shapes if name in tensors}
    try:
        check_tensors(shapes, state)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; give torchvision's {_file()}") from None
    return {name: np.ascontiguousarray(state[name], np.float32) for name in shapes}


def require_vgg(tensors: Mapping[str, NDArray[Any]] | None) -> State:
    """:func:`vgg_state`; without weights an :class:`OptionError` that says how to get them."""
    if tensors is None:
        raise OptionError(
            f"loss.perceptual: needs VGG16's weights: download {URL} and name the file in the "
            "recipe (vgg), or pass vgg=weights.vgg.load_vgg(FILE)"
        )
    return vgg_state(tensors)


def _file() -> str:
    return URL.rpartition("/")[2]
