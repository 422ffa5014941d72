"""What osr parity must not overlook."""

import numpy as np
import pytest

from osr.parity import (
    Row,
    _gradient_difference,
    compare,
    relative_difference,
)
from osr_core.initial import initial_state
from osr_core.spec import Experts, InputTransform, ModelSpec, OutputTransform, UNet

ONE, NAN = np.ones(3, np.float32), np.full(3, np.nan, np.float32)


class FixedTrainer:
    """Gives the same gradients for every batch."""

    def __init__(self, **gradients):
        self.values = gradients

    def gradients(self, image, target):
        return 0.0, self.values


def _passes(difference):
    return Row("model", "gradient", "one, other", difference, 1e-5).passed


def test_a_share_of_the_largest_value():
    assert relative_difference(4 * ONE, 2 * ONE) == 0.5
    assert relative_difference(0 * ONE, 0 * ONE) == 0
    assert np.isnan(relative_difference(NAN, ONE))
    assert np.isnan(relative_difference(ONE, NAN))


@pytest.mark.parametrize("wrong", [NAN, ONE + 1e-3, -ONE])
@pytest.mark.parametrize("name", ["a", "b"])
def test_a_wrong_tensor_among_right_ones_fails(name, wrong):
    spec = ModelSpec(UNet((4,)))
    right = {"a": ONE, "b": ONE}
    assert _passes(_gradient_difference(spec, FixedTrainer(**right), FixedTrainer(**right)))
    other = FixedTrainer(**{**right, name: wrong})
    assert not _passes(_gradient_difference(spec, FixedTrainer(**right), other))


@pytest.mark.parametrize(
    "spec",
    [
        ModelSpec(UNet((4,), 1), InputTransform(2), OutputTransform(4), frozen=True),
        ModelSpec(Experts((UNet((4,), 1), UNet((4,), 1)), UNet((4,), 1), 2), frozen=True),
    ],
    ids=["reprogrammed", "experts"],
)
def test_frozen_models_are_compared(twins, spec):
    rows = compare("model", spec, initial_state(spec, 0), twins)
    assert {row.check for row in rows} == {"output", "gradient"}
    assert all(row.passed for row in rows)
