"""``osr train`` in two processes gives what one process gives with the whole batch.

In two stages: the second process, which does not validate or save, waits for what the second stage
starts from.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from launching import launch
from training_runs import TOML, make_images

from osr_core.checkpoint import Checkpoint

# Adam divides by the gradient's size, so that rounding where a gradient is nearly zero moves a
# weight by up to the learning rate; a large epsilon would hide it. Few steps at a low rate instead.
SETTINGS = ("steps=3", "checkpoint_every=9", "optimizer.lr=1e-4", "clip_grad_norm=0")


@pytest.mark.slow
def test_two_processes_train_as_one(backend, tmp_path):
    name = backend.__name__.removeprefix("backends.")
    make_images(tmp_path)
    (tmp_path / "recipe.toml").write_text(f"{TOML}[[stage]]\n[[stage]]\n")
    base = ["-m", "osr.cli", "train", tmp_path / "recipe.toml"]
    base += ["--data", f"photographs={tmp_path / 'clear'}", "--device", "cpu", "--workers", "0"]
    base += [word for pair in SETTINGS for word in ("--set", pair)]
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        done = launch(
            name, [*base, "-o", folder / "run"], tmp_path=folder, processes=processes, timeout=240
        )
        assert done.returncode == 0, done.stdout
    one, two = (Checkpoint.load(tmp_path / n / "run" / "model.safetensors") for n in "12")
    assert two.provenance["processes"] == 2
    for weight, value in one.state.items():
        assert np.allclose(two.state[weight], value, rtol=0, atol=2e-5), weight
    for stage in ("stage-1", "stage-2"):
        losses = [_losses(tmp_path / n / "run" / stage / "metrics.jsonl") for n in "12"]
        assert len(losses[0]) == 3
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def _losses(path):
    lines = map(json.loads, path.read_text().splitlines())
    return [line["loss"] for line in lines if "loss" in line]
