"""The targets of gates: sparse least-squares weights of the experts' changes."""

import numpy as np
import pytest

from osr_core.training.routing import PENALTY_DB, routing_targets

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(0, 0.1, (3, 1, 3, 8, 16))


def targets(changes, residual):
    return routing_targets(changes, residual, 8)[0, :, 0, :].T.round(3)  # (cells, experts)


def test_each_cell_takes_the_expert_that_helps_there():
    residual = np.concatenate((A[..., :8], B[..., 8:]), -1)
    np.testing.assert_allclose(targets([A, B, C], residual), [[1, 0, 0], [0, 1, 0]], atol=0.01)


def test_two_experts_that_both_help_are_mixed():
    np.testing.assert_allclose(targets([A, B, C], 0.8 * A + 0.4 * C), [[0.8, 0, 0.4]] * 2, atol=0.1)


def test_weights_stay_in_0_to_1():
    assert targets([A, B], 3 * A - B).tolist() == [[1, 0], [1, 0]]


def test_nothing_is_chosen_for_less_than_half_a_level():
    assert not targets([A], RNG.normal(0, 1e-4, A.shape)).any()
    assert not targets([A], -A).any()


def test_the_second_expert_must_be_worth_it():
    small = A * np.sqrt(1 - 10 ** (-PENALTY_DB / 20))  # explained by B alone it gains half of that
    assert targets([A, B], small + 2 * B)[:, 0].tolist() == [0, 0]


@pytest.mark.parametrize("count", [1, 5])
def test_many_experts_of_which_one_is_the_truth(count):
    others = list(RNG.normal(0, 0.1, (count, *A.shape)))
    result = targets([*others, A], A)
    assert result[:, -1].tolist() == [1, 1]
    assert not result[:, :-1].any()
