"""VGG16's weights, for the perceptual loss, from and into weight files of every format.

VGG16 is not a restoration network and has no spec. Of torchvision's 528 MB the loss needs the
layers up to relu3_3, 7 MB.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osr_core.errors import CheckpointError
from osr_core.training.vgg import METADATA, vgg_state
from weights import formats
from weights.convert import find_source
from weights.formats import PathLike
from weights.naming import canonical


def load_vgg(source: PathLike) -> dict[str, NDArray[np.float32]]:
    """VGG16's weights up to relu3_3 from a file of any format.

    Args:
        source: torchvision's ``vgg16-397923af.pth``, or what :func:`convert_vgg` made of it.

    Returns:
        Arrays by torchvision's name, as :func:`osr_core.training.vgg.vgg_state` picks them.

    Raises:
        CheckpointError: if the file cannot be read or does not hold VGG16.
        BackendError: if the format needs a framework that is not installed.
    """
    tensors = canonical(formats.read(source).tensors)
    try:
        return vgg_state(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from None


def convert_vgg(source: PathLike, target: PathLike) -> None:
    """Write VGG16's weights up to relu3_3 into another file; errors as of :func:`load_vgg`."""
    state = load_vgg(find_source(source, target))
    provenance = json.dumps({"converted_from": Path(source).name})
    formats.write(target, state, {**METADATA, "provenance": provenance})
