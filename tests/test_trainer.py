"""What the trainers of both backends share, over a network of one weight in NumPy."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from osr_core.backend import World
from osr_core.errors import OptionError
from osr_core.training.options import Optimizer, TrainerOptions
from osr_core.training.trainer import Trainer

PAIR = SimpleNamespace(
    broadcast=lambda network: None,
    mean=lambda value: value / 2,
    average=lambda tensors: tuple(tensor / 2 for tensor in tensors),
)
"""Two processes, of which the other has a loss of 0 everywhere."""


class Descent:
    def __init__(self, weights):
        self.weights, self.steps = weights, 0
        self.first, self.second = {"w": np.zeros(1, np.float32)}, {}

    def step(self, grads, lr):
        self.steps += 1
        self.first["w"] += grads["w"]
        self.weights["w"] -= lr * grads["w"]


class Product(Trainer):
    """Loss: mean of w · input · target."""

    distributed = PAIR

    def __init__(self, options, world=World()):  # noqa: B008
        super().__init__(None, options, world)
        self.weights = {"w": np.full(1, 3, np.float32)}
        self.optimizer = Descent(self.weights)

    def _backward(self, inputs, targets, factor):
        product = (inputs * targets).mean() * factor
        return float(self.weights["w"][0] * product), {"w": np.array([product], np.float32)}

    def _norm(self, grads):
        return float(np.linalg.norm(grads["w"]))

    def _array(self, tensor):
        return tensor.copy()

    def _assign(self, tensor, values):
        tensor[:] = values


def make(**options):
    return Product(TrainerOptions(**{"clip_grad_norm": 0.0, **options}))


BATCH = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1), np.full((4, 1, 1, 1), 2, np.float32)


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("scale", [1.0, 2.0**14])
def test_neither_accumulation_nor_scale_changes_a_step(parts, scale):
    trainer = make(accumulation_steps=parts)
    assert trainer.step(*BATCH, 0.1, scale) == pytest.approx(9)
    assert trainer.weights["w"] == pytest.approx(3 - 0.1 * 3)
    assert trainer.gradients(*BATCH)[1]["w"] == pytest.approx(3)


def test_a_batch_that_cannot_be_split_is_refused():
    trainer = make(accumulation_steps=3)
    for compute in (trainer.gradients, lambda *batch: trainer.step(*batch, 0.1)):
        with pytest.raises(OptionError, match=r"batch_size: expected a multiple of .*3, got 4"):
            compute(*BATCH)
    trainer.options.check_batch_size(12, processes=4)
    with pytest.raises(OptionError, match=r"processes × accumulation_steps, 12, got 6"):
        trainer.options.check_batch_size(6, processes=4)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_step_that_is_not_finite_changes_nothing(wrong):
    trainer = make()
    assert math.isnan(trainer.step(np.full_like(BATCH[0], wrong), BATCH[1], 0.1))
    assert trainer.weights["w"] == 3
    assert trainer.optimizer.steps == 0


def test_a_gradient_is_clipped_to_the_norm():
    trainer = make(clip_grad_norm=1.5)
    trainer.step(*BATCH, 1.0)
    assert trainer.weights["w"] == pytest.approx(3 - 1.5, rel=1e-5)


def test_processes_take_the_mean():
    trainer = Product(TrainerOptions(clip_grad_norm=0.0), World(0, 2))
    assert trainer.step(*BATCH, 1.0) == pytest.approx(9 / 2)
    assert trainer.weights["w"] == pytest.approx(3 - 3 / 2)
    assert trainer.mean(4.0) == 2.0
    assert make().mean(4.0) == 4.0


def test_moments_are_saved_and_loaded():
    trainer, other = make(), make()
    trainer.step(*BATCH, 1.0)
    other.load_state(trainer.state(), 1)
    assert list(other.state()) == ["first.w"]
    assert other.state()["first.w"] == 3
    assert other.optimizer.steps == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Optimizer(lr=0.0), r"optimizer\.lr: expected a positive number, got 0"),
        (lambda: Optimizer(lr=math.inf), r"optimizer\.lr: "),
        (lambda: Optimizer(weight_decay=-1.0), r"optimizer\.weight_decay: expected 0 or more"),
        (lambda: TrainerOptions(clip_grad_norm=math.nan), r"clip_grad_norm: expected 0 or more"),
        (lambda: TrainerOptions(accumulation_steps=0), r"accumulation_steps: expected a positive"),
        (lambda: TrainerOptions(precision="int8"), r"precision: expected one of float32, "),
        (lambda: TrainerOptions({}), r"loss: expected weights by name"),
    ],
)
def test_options_are_checked(make, message):
    with pytest.raises(OptionError, match=message):
        make()
