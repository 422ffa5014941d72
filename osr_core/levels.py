"""How strong the change is that an expert makes to an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FAINT = 1e-7
"""Mean squared change that counts as none: a twelfth of an 8-bit level, squared."""

LEVEL_SCALE = 0.25
"""Of levels, so that strong changes have one of about 1."""


def level(energy: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """``¼ log₁₀(1 + energy / FAINT)``: from 0, for no change, to 1.75, for black to white.

    Args:
        energy: mean squares, of any shape.

    >>> level(np.array([0.0, 1e-3, 1.0])).round(2)
    array([0.  , 1.  , 1.75])
    """
    return np.asarray(np.log1p(energy / FAINT) * (LEVEL_SCALE / np.log(10)))
