"""VGG16's weights up to relu3_3, for the perceptual loss: 7 MB of torchvision's 528."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osr_core.training.vgg import METADATA, vgg_state
from weights import formats
from weights.content import PathLike, naming
from weights.convert import find_source
from weights.naming import canonical


def load_vgg(source: PathLike) -> dict[str, NDArray[np.float32]]:
    """The weights in torchvision's ``vgg16-397923af.pth``, or in what :func:`convert_vgg` made.

    Raises:
        CheckpointError: if the file cannot be read or does not hold VGG16.
        BackendError: if the format needs a framework that is not installed.
    """
    tensors = canonical(formats.read(source).tensors)
    with naming(source):
        return vgg_state(tensors)


def convert_vgg(source: PathLike, target: PathLike) -> None:
    """Write the weights of one file into another; errors as of :func:`load_vgg`."""
    state = load_vgg(find_source(source, target))
    provenance = json.dumps({"converted_from": Path(source).name})
    formats.write(target, state, {**METADATA, "provenance": provenance})
