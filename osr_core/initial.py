"""Initial weights from NumPy: both backends start from the same bits."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from osr_core.analysis import Parameter, analyse
from osr_core.spec import ModelSpec

_GAINS = {"he": 6.0, "lecun": 3.0}
SMALL = 0.1
"""Factor by which the last layer of a residual branch starts smaller than ``lecun``."""
HIGH_PASS = (5.0, 640.0)
"""Factors of the first and the last output of ``high_pass``, spaced evenly on a log scale: noise of
50 levels turns the first by some radians, rounding to 8 bit the last."""


def initial_state(spec: ModelSpec, seed: int) -> dict[str, NDArray[np.float32]]:
    """Fresh weights of a spec by canonical name, in its order.

    Each tensor is a pure function of the seed and its own name, so that adding a layer leaves
    the others as they were. ``he`` draws uniformly in ±√(6 / fan_in) (He et al., ICCV 2015, for
    what feeds a ReLU), ``lecun`` in ±√(3 / fan_in), ``small`` a tenth of ``lecun``.
    ``high_pass`` is ``lecun`` less the mean of each output's kernel, times a factor that grows from
    output to output: such phases are blind to flat grey areas and tell noise of any strength.

    Args:
        spec: the network; of an external backbone there are none.
        seed: any whole number from 0.

    >>> from osr_core.spec import Residual
    >>> state = initial_state(ModelSpec(Residual()), seed=0)
    >>> state["conv_input_3.weight"].shape, float(state["conv_input_3.bias"].sum())
    ((16, 3, 3, 3), 0.0)
    """
    return {p.name: _draw(p, seed) for p in analyse(spec).parameters}


def _draw(parameter: Parameter, seed: int) -> NDArray[np.float32]:
    if parameter.init in ("zeros", "ones"):
        return np.full(parameter.shape, float(parameter.init == "ones"), np.float32)
    rng = np.random.default_rng([seed, zlib.crc32(parameter.name.encode())])
    scale = SMALL if parameter.init == "small" else 1.0
    bound = scale * np.sqrt(_GAINS.get(parameter.init, 3.0) / parameter.fan_in)
    values = rng.uniform(-bound, bound, parameter.shape)
    if parameter.init == "high_pass":
        factors = np.geomspace(*HIGH_PASS, len(values)).reshape(-1, 1, 1, 1)
        values = factors * (values - values.mean((1, 2, 3), keepdims=True))
    return values.astype(np.float32)
