"""``osr train`` as a person meets it: killed, stopped, resumed, mistaken."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from training_runs import TOML, make_images

from osr_core.checkpoint import Checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = make_images(tmp_path_factory.mktemp("data"))
    (folder / "recipe.toml").write_text(TOML)
    return folder


def command(folder, output, *options, backend="torch"):
    data = ("--data", f"photographs={folder / 'clear'}")
    program = (sys.executable, "-m", "osr.cli", "train", str(folder / "recipe.toml"))
    return [*program, "-o", str(output), *data, "--backend", backend, "--device", "cpu", *options]


def call(*args, **kwargs):
    return subprocess.run(
        command(*args, **kwargs), capture_output=True, text=True, timeout=300, check=False
    )


def steps_done(output):
    path = output / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return max((json.loads(line)["step"] for line in lines[:-1]), default=0)


def wait_for(process, output, steps):
    deadline = time.monotonic() + 240
    while steps_done(output) < steps:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


LONG = ("--set", "steps=40", "--set", "checkpoint_every=7", "--workers", "0")


@pytest.mark.slow
def test_killed_and_resumed_is_as_unbroken(backend, folder, tmp_path):
    name = backend.__name__.removeprefix("backends.")
    whole = call(folder, tmp_path / "whole", *LONG, backend=name)
    assert whole.returncode == 0, whole.stderr
    assert "40 of 40 steps" in whole.stdout
    process = subprocess.Popen(
        command(folder, tmp_path / "broken", *LONG, backend=name),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(process, tmp_path / "broken", 10)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "broken" / "state-00000040.safetensors").exists(), "killed too late"
    again = call(folder, tmp_path / "broken", *LONG, "--resume", backend=name)
    assert again.returncode == 0, again.stderr
    models = [Checkpoint.load(tmp_path / n / "model.safetensors") for n in ("whole", "broken")]
    for weight, value in models[0].state.items():
        assert np.array_equal(value, models[1].state[weight]), weight


def test_ctrl_c_saves_and_says_how_to_go_on(folder, tmp_path):
    process = subprocess.Popen(
        command(folder, tmp_path, "--set", "steps=100000", "--set", "checkpoint_every=100000"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(process, tmp_path, 3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the loaders get it, too
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "--resume goes on" in out
    assert "Traceback" not in err
    assert len(list(tmp_path.glob("state-*.safetensors"))) == 1
    Checkpoint.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "stepz=3"), "stepz: unknown key; did you mean steps?"),
        (("--set", "steps"), "expected key=value"),
        (("--data", "photographs"), "--data photographs: expected NAME=PATH"),
        (("--data", "photographs=nowhere"), "nowhere"),
        (("--set", "accumulation_steps=3"), "batch_size: expected a multiple"),
        (("--set", "vgg=nothing.pth"), "nothing.pth"),
        (("--set", "crop_size=15"), "recipe.crop_size"),
        (("--workers", "-1"), "--workers -1"),
        (("--device", "cuda:7"), "device cuda:7"),
    ],
)
def test_mistakes_get_one_line(folder, tmp_path, options, message):
    result = call(folder, tmp_path / "run", *options)
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten(folder, tmp_path):
    assert call(folder, tmp_path).returncode == 0
    result = call(folder, tmp_path)
    assert result.returncode == 2
    assert "add --resume" in result.stderr
