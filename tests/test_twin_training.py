"""Training runs in both backends take the same path."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tolerances
from training_runs import SPEC, make_images, make_samples

from osr.training.loop import TrainingLoop
from osr.training.recipe import Scheduler, Validation
from osr.training.run_folder import locked
from osr_core.checkpoint import Checkpoint
from osr_core.training.options import Optimizer, TrainerOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("data"))


def _distance(one, other):
    return max(float(np.abs(value - other[name]).max()) for name, value in one.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "scheduler"),
    [
        ("adam", Scheduler("constant")),
        ("adamw", Scheduler("step", step_size=15)),
        ("muon", Scheduler("cosine", warmup=5)),
    ],
    ids=["adam, constant", "adamw, step", "muon, cosine"],
)
def test_50_steps(twins, folder, tmp_path, kind, scheduler):
    """A whole run: the loss of every step, the weights and their average."""
    samples = make_samples(
        folder,
        steps=50,
        sampling_weights={"noise": 1.0},
        optimizer=Optimizer(kind, 5e-4, 0.01),
        scheduler=scheduler,
        checkpoint_every=50,
        validation=Validation(samples=0),
    )
    losses, weights, averages = [], [], []
    for name, twin in twins.items():
        trainer = twin.Trainer(twin.build(SPEC), samples.recipe.trainer_options)
        with locked(tmp_path / name):
            TrainingLoop(trainer, samples, tmp_path / name, {}, resume=False).run(workers=0)
        lines = map(json.loads, (tmp_path / name / "metrics.jsonl").read_text().splitlines())
        losses.append([line["loss"] for line in lines if "loss" in line])
        weights.append(trainer.network.state())
        averages.append(Checkpoint.load(tmp_path / name / "model.safetensors").state)
    assert len(losses[0]) == 50
    np.testing.assert_allclose(losses[0], losses[1], rtol=tolerances.LONG_LOSS)
    assert _distance(*weights) < tolerances.LONG_WEIGHT
    assert _distance(*averages) < tolerances.LONG_WEIGHT
    assert _distance(weights[0], averages[0]) > 10 * _distance(*averages), "averaged indeed"


def test_decay_is_decoupled_in_adamw_alone(backend, folder):
    """Adam's first step has the size of the rate whatever the gradient, decay included."""
    batch = make_samples(folder).batch(0)
    moved = {}
    for kind in ("adam", "adamw"):
        for decay in (0.0, 10.0):
            options = TrainerOptions(optimizer=Optimizer(kind, 1e-3, decay), clip_grad_norm=0.0)
            trainer = backend.Trainer(backend.build(SPEC), options)
            before = trainer.network.state()
            trainer.step(*batch, 1e-3)
            moved[kind, decay] = _distance(trainer.network.state(), before)
    assert moved["adam", 0.0] == pytest.approx(1e-3, rel=1e-3)
    assert moved["adam", 10.0] == pytest.approx(1e-3, rel=1e-3)
    assert moved["adamw", 0.0] == pytest.approx(1e-3, rel=1e-3)
    assert moved["adamw", 10.0] > 2e-3
