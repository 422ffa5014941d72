"""``osr train`` and ``osr.train``: options, stages, interruption, mistakes."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from training_runs import TOML, assert_equal, make_images, make_recipe

import osr
from osr.cli.train import train
from osr.evaluation.models import seen_degradation
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError, OSRError, TrainingError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = make_images(tmp_path_factory.mktemp("data"))
    (folder / "recipe.toml").write_text(TOML)
    return folder


def arguments(folder, output, *options):
    data = ("--data", f"photographs={folder / 'clear'}")
    return [str(folder / "recipe.toml"), "-o", str(output), *data, "--device", "cpu",
            "--workers", "0", *options]  # fmt: skip


def call(folder, output, *options):
    """Exit status and standard output; OSR's errors are raised as they are."""
    result = CliRunner().invoke(train, arguments(folder, output, *options), standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.stdout


def test_a_run_says_what_came_of_it(folder, tmp_path):
    status, output = call(folder, tmp_path / "run")
    assert status == 0
    assert "6 of 6 steps" in output
    assert f"--model {tmp_path / 'run' / 'model.safetensors'}" in output
    with pytest.raises(TrainingError, match="add --resume"):
        call(folder, tmp_path / "run")
    status, output = call(folder, tmp_path / "run", "--resume")
    assert status == 0
    assert "nan" not in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "stepz=3"), "stepz: unknown key; did you mean steps?"),
        (("--set", "steps"), "expected key=value"),
        (("--set", "data=3"), "data is not a table of settings"),
        (("--set", "data.pairs=3"), r"recipe\.data\.pairs: expected a folder"),
        (("--set", "data.scikit-image=photos"), r"scikit-image: has no folder; write 'built-in'"),
        (("--set", "degradations.noise.sigma=['a','b']"), "expected a number"),
        (("--set", "sampling_weights={mixture=1}"), r"mixture: needs degradations beside it"),
        (("--data", "photographs"), "--data photographs: expected NAME=PATH"),
        (("--data", "photographs=nowhere"), "nowhere"),
        (("--set", "accumulation_steps=3"), "batch_size: expected a multiple"),
        (("--set", "vgg=nothing.pth"), "nothing.pth"),
        (("--set", "crop_size=15"), "recipe.crop_size"),
        (("--set", "init.model=previous"), "previous: is for stages after the first"),
        (("--workers", "-1"), "workers -1"),
        (("--task", "rain"), "task rain: the recipe has no tasks"),
        (("--device", "cuda:7"), "device cuda:7"),
    ],
)
def test_mistakes_get_one_line(folder, tmp_path, options, message):
    with pytest.raises(OSRError, match=message) as error:
        call(folder, tmp_path / "run", *options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


STAGES = """
[[stage]]
[[stage]]
steps = 3
sampling_weights = {rain = 1}
[[stage]]
steps = 5
"""


@pytest.fixture
def staged(folder):
    path = folder / "stages.toml"
    path.write_text(TOML + STAGES)
    return path, {"photographs": folder / "clear"}


def test_stages(staged, tmp_path):
    recipe, data = staged
    whole = osr.train(recipe, tmp_path / "whole", data=data, device="cpu", workers=0)
    assert (whole.finished, whole.step, whole.steps) == (True, 5, 5)
    assert whole.model == tmp_path / "whole" / "model.safetensors"
    result = Checkpoint.load(whole.model)
    assert_equal(result.state, Checkpoint.load(tmp_path / "whole/stage-3/model.safetensors").state)
    assert [stage["steps"] for stage in result.provenance["stages"]] == [6, 3]
    assert seen_degradation(result.recipe, result.provenance).kinds == ("noise", "rain")

    # Each stage starts where the one before ended.
    frozen = osr.train(
        recipe, tmp_path / "slow", data=data, device="cpu", workers=0,
        assign=["optimizer.lr=1e-12"],
    )  # fmt: skip
    first = Checkpoint.load(tmp_path / "slow" / "stage-1" / "model.safetensors").state
    for name, value in Checkpoint.load(frozen.model).state.items():
        assert np.allclose(value, first[name], atol=1e-6), name


def test_a_training_resumes_in_its_stage(staged, tmp_path, monkeypatch):
    recipe, data = staged
    options = {"data": data, "device": "cpu", "workers": 0}
    whole = osr.train(recipe, tmp_path / "whole", **options)
    from osr.training.loading import batches

    def stopping(samples, *args):
        for number, batch in enumerate(batches(samples, *args)):
            if samples.recipe.steps == 3 and number == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr("osr.training.loop.batches", stopping)
        stopped = osr.train(recipe, tmp_path / "broken", **options)
    assert stopped.finished  # the signal came in the last step of the second stage
    with pytest.raises(TrainingError, match="stage-1: holds a run"):
        osr.train(recipe, tmp_path / "broken", **options)
    resumed = osr.train(recipe, tmp_path / "broken", **options, resume=True)
    assert_equal(Checkpoint.load(whole.model).state, Checkpoint.load(resumed.model).state)


def test_recipes_from_python(folder, tmp_path):
    recipe = make_recipe(folder, steps=2)
    summary = osr.train(recipe, tmp_path / "one", device="cpu", workers=0)
    assert summary.step == 2
    for wrong in ([], [recipe, "small"]):
        with pytest.raises(OptionError):
            osr.train(wrong, tmp_path / "two")
    with pytest.raises(OptionError, match="change the Recipe"):
        osr.train(recipe, tmp_path / "two", assign=["steps=3"])


def start(folder, output, backend, *options):
    program = [sys.executable, "-m", "osr.cli", "train", *arguments(folder, output, *options)]
    return subprocess.Popen(
        [*program, "--backend", backend],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(process, output, steps):
    """Until so many steps are logged."""
    deadline = time.monotonic() + 240
    path = output / "metrics.jsonl"
    while True:
        lines = path.read_text().splitlines()[:-1] if path.exists() else []
        if any(json.loads(line)["step"] >= steps for line in lines):
            return
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


ENDLESS = ("--set", "steps=100000", "--set", "scheduler.kind='constant'")


@pytest.mark.slow
def test_killed_and_resumed_is_as_unbroken(backend, folder, tmp_path):
    """The kill comes at any moment; then the training ends at a step that it had not reached."""
    name = backend.__name__.removeprefix("backends.")
    process = start(folder, tmp_path / "broken", name, *ENDLESS)
    wait_for(process, tmp_path / "broken", 10)
    process.kill()
    process.communicate()
    states = sorted((tmp_path / "broken").glob("state-*.safetensors"))
    assert states
    options = ("--set", "checkpoint_every=1", "--resume", "--backend", name)
    end = int(states[-1].stem.removeprefix("state-")) + 7
    for run in ("broken", "whole"):
        _train_until(folder, tmp_path / run, end, *ENDLESS, *options)
    models = [Checkpoint.load(tmp_path / run / "model.safetensors") for run in ("broken", "whole")]
    assert models[0].provenance["steps"] == models[1].provenance["steps"] == end
    assert_equal(models[0].state, models[1].state)


def _train_until(folder, output, end, *options):
    """Interrupted from within after a step, as by Ctrl-C."""
    from osr.training import run
    from osr.training.loop import TrainingLoop

    class Stopping(TrainingLoop):
        def _agree(self, stop):
            return super()._agree(stop) or self.state.step == end

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "TrainingLoop", Stopping)
        status, output = call(folder, output, *options)
    assert status == 130
    assert "--resume to continue" in output


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_save(folder, tmp_path, number, status):
    process = start(folder, tmp_path, "torch", *ENDLESS, "--set", "checkpoint_every=100000",
                    "--workers", "1")  # fmt: skip
    wait_for(process, tmp_path, 3)
    os.killpg(process.pid, number)  # as a terminal does: the loaders get it, too
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    assert not list(tmp_path.rglob(".osr-*"))
    assert "--resume to continue" in out
    assert "Traceback" not in err
    assert len(list(tmp_path.glob("state-*.safetensors"))) == 1
    Checkpoint.load(tmp_path / "model.safetensors")
