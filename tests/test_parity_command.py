"""What osr parity must not overlook, and what it must not mistake for a difference."""

from types import SimpleNamespace

import numpy as np
import pytest

from osr.parity import Check, check_parity, compare_backends, compare_gradients
from osr_core.initial import initial_state
from osr_core.spec import Experts, InputTransform, ModelSpec, OutputTransform, UNet

ONE, NAN = np.ones(3, np.float32), np.full(3, np.nan, np.float32)
SPEC = ModelSpec(UNet((4,)))


class FakeTrainer:
    """Gradients as a function of the image."""

    def __init__(self, gradients):
        self._gradients = gradients
        self.network = SimpleNamespace(load_state=lambda state: None)

    def gradients(self, image, target):
        return 0.0, self._gradients(image)


def _passes(one, other):
    found = compare_gradients(SPEC, {}, FakeTrainer(one), FakeTrainer(other))
    return Check("model", "gradient", "one, other", *found).passed


@pytest.mark.parametrize("wrong", [NAN, ONE + 1e-3, -ONE, 0 * ONE])
@pytest.mark.parametrize("name", ["a", "b"])
def test_a_wrong_tensor_among_right_ones_fails(name, wrong):
    right = {"a": ONE, "b": ONE}
    assert _passes(lambda _: right, lambda _: right)
    assert not _passes(lambda _: right, lambda _: {**right, name: wrong})
    assert not _passes(lambda _: {**right, name: wrong}, lambda _: right)


def test_tensors_of_zeros_do_not_differ():
    assert _passes(lambda _: {"a": 0 * ONE}, lambda _: {"a": 0 * ONE})


def test_kinks_may_differ_for_one_image_each():
    """A different tensor is off for the first image than for the second."""
    images = []

    def kinked(image):
        if not any(np.abs(image - seen).max() < 1e-3 for seen in images):
            images.append(image)
        off = 1.1 if np.abs(image - images[0]).max() < 1e-3 else 1.0
        return {"a": off * ONE, "b": (2.1 - off) * ONE}

    assert _passes(lambda _: {"a": ONE, "b": ONE}, kinked)


def _gate(image, order):
    """0.1, as what is left of a sum of about 200 that is added up one by one."""
    total = np.cumsum(image.ravel()[::order], dtype=np.float32)[-1:]
    return total - (image.sum(dtype=np.float64) - 0.1).astype(np.float32)


def test_a_sum_that_cancels_may_differ_by_its_rounding():
    """As the gradient of a gate whose expert hardly changes the image."""
    image = np.random.default_rng(0).random((1, 3, 8, 16), np.float32)
    assert abs(_gate(image, 1) - _gate(image, -1)) > 1e-5 * 0.1, "rounding shows"
    assert _passes(lambda x: {"gate": _gate(x, 1)}, lambda x: {"gate": _gate(x, -1)})
    assert not _passes(lambda x: {"gate": _gate(x, 1)}, lambda x: {"gate": 1.1 * _gate(x, 1)})


@pytest.mark.parametrize(
    "spec",
    [
        ModelSpec(UNet((4,), 1), InputTransform(2), OutputTransform(4), frozen=True),
        ModelSpec(Experts((UNet((4,), 1), UNet((4,), 1)), UNet((4,), 1), 2), frozen=True),
    ],
    ids=["reprogrammed", "experts"],
)
def test_frozen_models_are_compared(twins, spec):
    checks = list(compare_backends("model", spec, initial_state(spec, 0), twins))
    assert {check.quantity for check in checks} == {"output", "gradient"}
    assert all(check.passed for check in checks)


@pytest.mark.slow
def test_the_default_model_agrees(twins):
    """That of release 0.1.0 differed by 1e-4 on any CPU, from rounding."""
    checks = list(check_parity("osr-general"))
    assert all(check.passed for check in checks), checks
    gradient = next(check for check in checks if check.quantity == "gradient")
    assert gradient.tolerance < 1e-2
