"""Muon: the orthogonal step, in NumPy and in both backends."""

from __future__ import annotations

import numpy as np
import pytest
from training_runs import SPEC, make_images, make_samples

from osr_core.training.muon import COEFFICIENTS, ITERATIONS, is_matrix, step_size
from osr_core.training.options import Optimizer, TrainerOptions

SHAPES = [(8, 8), (6, 27), (40, 9), (1, 9), (3, 1)]


def _matrix(shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def orthogonalise(matrix):
    """The Newton–Schulz iterations as they are written."""
    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_close_to_one(shape):
    values = np.linalg.svd(orthogonalise(_matrix(shape) * 1e-3), compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.25


def test_directions_stay():
    u, _, v = np.linalg.svd(_matrix((6, 20)).astype(float), full_matrices=False)
    result = orthogonalise(u @ np.diag([9.0, 5.0, 3.0, 1.0, 0.5, 0.1]) @ v)
    turned = u.T @ result @ v.T
    assert np.abs(turned - np.diag(np.diag(turned))).max() < 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_backends_orthogonalise_as_the_reference(backend, shape):
    if backend.__name__ == "backends.torch":
        import torch

        from backends.torch.optimizers import orthogonalise as ours

        result = ours(torch.from_numpy(_matrix(shape))).numpy()
    else:
        import mindspore as ms

        from backends.mindspore.optimizers import orthogonalise as ours

        result = ours(ms.Tensor(_matrix(shape))).asnumpy()
    np.testing.assert_allclose(result, orthogonalise(_matrix(shape)), atol=2e-5)


def test_a_step_is_that_of_the_formula(backend, tmp_path):
    """And the second, where momentum counts, after the moments were saved and loaded. Other weights
    follow AdamW at a tenth of the rate."""
    folder, rate, decay = make_images(tmp_path), 1e-2, 0.1
    options = TrainerOptions(optimizer=Optimizer("muon", rate, decay), clip_grad_norm=0.0)
    trainer = backend.Trainer(backend.build(SPEC), options)
    samples = make_samples(folder)
    first, second = {}, {}
    for step in (1, 2):
        before = trainer.network.state()
        moments, weights = trainer.state(), trainer.network.state()
        trainer = backend.Trainer(backend.build(SPEC, state=weights), options)
        trainer.load_state(moments, step - 1)
        batch = samples.batch(step)
        _, grads = trainer.gradients(*batch)
        trainer.step(*batch, rate)
        after = trainer.network.state()
        for name, w in before.items():
            g = grads[name].astype(float)
            if is_matrix(w.shape):
                m = first[name] = 0.95 * first.get(name, 0.0) + g
                update = (g + 0.95 * m).reshape(len(w), -1)
                update = orthogonalise(update).reshape(w.shape) * step_size(*update.shape)
                change = rate * (update + decay * w)
            else:
                m = first[name] = 0.9 * first.get(name, 0.0) + 0.1 * g
                v = second[name] = 0.999 * second.get(name, 0.0) + 0.001 * g**2
                update = m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
                change = 0.1 * rate * (update + decay * w)
            error = np.abs(after[name] - (w - change)).max()
            assert error < 1e-2 * np.abs(change).max(), name
