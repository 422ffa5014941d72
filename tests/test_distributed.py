"""Two processes with half a batch each compute what one computes with the whole batch."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import tolerances
from distributed_run import gradients
from launching import launch

from osr_core.backend import FRAMEWORKS, World, is_installed, local_device
from osr_core.errors import BackendError, DeviceError

SCRIPT = Path(__file__).with_name("distributed_run.py")


@pytest.fixture(params=FRAMEWORKS)
def name(request: pytest.FixtureRequest) -> str:
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed: pip install 'osr[{request.param}]'")
    return str(request.param)


@pytest.fixture
def distributed(name: str) -> ModuleType:
    return import_module(f"backends.{name}.distributed")


@pytest.mark.slow
def test_two_processes(name, tmp_path):
    run = launch(name, [SCRIPT, name, tmp_path], tmp_path=tmp_path)
    assert run.returncode == 0, run.stdout
    whole = gradients(name)
    for rank in range(2):
        results = dict(np.load(tmp_path / f"{rank}.npz"))
        assert results["_world"].tolist() == [rank, 2]
        assert results["_mean"] == 0.75
        assert np.isnan(results["_nan"])
        assert results["_after"] == rank + 0.25
        assert results["_waited"], "rank 0 waits for rank 1, which is late"
        assert whole.keys() == {key for key in results if not key.startswith("_")}
        for key, value in whole.items():
            # Seen: PyTorch 1.1e-6, which is half batches against whole ones; MindSpore 1e-7.
            bound = tolerances.GRADIENT * np.abs(value).max()
            np.testing.assert_allclose(results[key], value, rtol=0, atol=bound, err_msg=key)


@pytest.mark.slow
def test_the_error_of_a_process_is_shown(tmp_path):
    if not is_installed("torch"):
        pytest.skip("torch is not installed")  # msrun takes half a minute to notice
    script = tmp_path / "dies.py"
    script.write_text(
        "from backends.torch.distributed import init_distributed, mean\n"
        "world = init_distributed('cpu')\n"
        "assert world.rank == 0, 'died of this'\n"
        "mean(0.0)\n"
    )
    run = launch("torch", [script], tmp_path=tmp_path)
    assert run.returncode != 0
    assert "died of this" in run.stdout


def test_a_single_process(distributed):
    assert distributed.init_distributed("cpu") == World(0, 1, "cpu")
    assert distributed.mean(2.1) == 2.1
    network, gradients = object(), (object(),)
    distributed.broadcast(network)
    assert distributed.average(gradients) is gradients
    distributed.shutdown()


def test_a_device_that_is_not_there(distributed):
    with pytest.raises(DeviceError, match="device ascend:99: not usable"):
        distributed.init_distributed("ascend:99")


def test_the_other_backends_launcher(name, distributed, monkeypatch):
    other = {"torch": "MS_ROLE", "mindspore": "TORCHELASTIC_RUN_ID"}
    monkeypatch.setenv(other[name], "x")
    with pytest.raises(BackendError, match="launcher: .*run starts .*; start .* with "):
        distributed.init_distributed("cpu")


def test_each_process_takes_its_own_device():
    present = ["ascend:0", "ascend:1", "cpu"]
    assert [local_device("auto", present, rank) for rank in range(2)] == present[:2]
    assert local_device("cuda:5", present, 1) == "cuda:1"
    assert local_device("cpu", present, 1) == "cpu"
