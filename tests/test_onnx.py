"""The ONNX backend: its graphs, its devices, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import osr
from image_files import random

from osr.images import Picture, read, write
from osr_core.backend import is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.context import context_of
from osr_core.errors import BackendError, DeviceError, ModelError
from osr_core.initial import initial_state
from osr_core.reference import NumpyOps
from osr_core.spec import (
    External,
    InputTransform,
    ModelSpec,
    OutputTransform,
    RoutedExperts,
    UNet,
)
from osr_core.unet import unet

if not is_installed("onnx"):
    pytest.skip("onnx is not installed", allow_module_level=True)

import onnx

from backends import onnx as backend
from backends.onnx import device, graphs

ROOT = Path(__file__).resolve().parent.parent
CONTEXT = ModelSpec(UNet((4, 6), 1, context=(4,)))
SHARED = ModelSpec(UNet((4,), 1), InputTransform(3, layout="shared"), OutputTransform(4))


def test_onnx_runtime_collects_no_telemetry(tmp_path):
    """Its builds write what they are going to send into a cache below the home folder."""
    quiet = ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    code = "import backends.onnx as b; print(b.version())"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**environment, "HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.strip() == backend.version()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("spec", [CONTEXT, SHARED], ids=["context", "a backbone used twice"])
def test_a_graph_is_valid_and_leaves_batch_and_size_free(spec):
    model = graphs.network_graph(spec, initial_state(spec, 0))
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", graphs.OPSET)]
    inputs = {each.name: _shape(each) for each in model.graph.input}
    assert inputs.pop("image") == ["batch", 3, "height", "width"]
    assert inputs == ({"thumbnail": ["batch", 3, 256, 256]} if spec is CONTEXT else {})
    (result,) = model.graph.output
    assert (result.name, _shape(result)) == ("restored", ["batch", 3, "height", "width"])
    network = backend.build(spec)
    for shape in ((1, 3, 16, 8), (3, 3, 8, 24)):
        assert network.predict(np.zeros(shape, np.float32)).shape == shape


def test_a_part_of_a_network_is_a_graph_as_well():
    """As the gates and the specialists of experts, which are run only where they are needed."""
    spec = UNet((4, 6), 1)
    state = {f"experts.0.{n}": a for n, a in initial_state(ModelSpec(spec), 0).items()}

    def part(ops, x, y):
        inner = unet(ops, spec, "experts.0.", x, 3)
        return {"sum": ops.add(inner, y), "inner": inner}

    model = graphs.graph(part, {"x": 3, "y": 1}, state)
    onnx.checker.check_model(model, full_check=True)
    session = device.session(model.SerializeToString(), device.select("cpu"))
    rng = np.random.default_rng(0)
    x, y = (rng.random((1, channels, 16, 8), np.float32) for channels in (3, 1))
    expected = part(NumpyOps(state), x, y)
    for name, value in zip(expected, session.run(list(expected), {"x": x, "y": y}), strict=True):
        np.testing.assert_allclose(value, expected[name], atol=1e-5)


def test_experts_without_a_gate_are_not_run():
    spec = ModelSpec(RoutedExperts((UNet((4,), 1), UNet((4,), 1)), (4, 6), (4,), 2, 8, 8))
    state = initial_state(spec, 0)
    state["routes.0.bias"] -= 100  # zero everywhere
    state = {n: a * np.nan if n.startswith("experts.0.") else a for n, a in state.items()}
    model = graphs.network_graph(spec, state).SerializeToString()
    image = np.random.default_rng(0).random((1, 3, 16, 24), np.float32)
    inputs = {"image": image, "context": context_of(image, 6)}
    (result,) = device.session(model, device.select("cpu")).run(None, inputs)
    assert np.isfinite(result).all()
    assert np.abs(result - image).max() > 1e-3


def _branches(model, kind):
    return [
        attribute.g
        for node in model.graph.node
        if node.op_type == "If"
        for attribute in node.attribute
        if attribute.name == kind
    ]


def test_an_expert_that_does_not_run_costs_no_computation():
    spec = ModelSpec(RoutedExperts((UNet((4,), 1), UNet((4,), 1)), (4, 6), (4,), 2, 8, 8))
    closed = _branches(graphs.network_graph(spec, initial_state(spec, 0)), "else_branch")
    assert len(closed) == 6  # of each expert its change, its level and its share in the result
    assert {node.op_type for branch in closed for node in branch.node} == {"Identity"}


def test_weights_of_an_expert_are_in_its_branch():
    # With weights from outside ONNX Runtime does not compute convolutions in its blocked layout.
    spec = ModelSpec(RoutedExperts((UNet((4,), 1), UNet((4,), 1)), (4, 6), (4,), 2, 8, 8))
    model = graphs.network_graph(spec, initial_state(spec, 0))
    opened = _branches(model, "then_branch")
    branches = [branch for branch in opened if any(node.op_type == "Conv" for node in branch.node)]
    assert len(branches) == 2
    for index, branch in enumerate(branches):
        own = {each.name for each in branch.initializer}
        assert f"experts.{index}.head.weight" in own
        assert {name for node in branch.node for name in node.input if "weight" in name} <= own
    assert not any(each.name.startswith("experts.") for each in model.graph.initializer)


def test_weights_are_copies_and_can_be_replaced():
    network, image = backend.build(CONTEXT), np.ones((1, 3, 8, 8), np.float32)
    before = network.predict(image)
    state = network.state()
    state["tail.bias"] += 1
    np.testing.assert_array_equal(network.predict(image), before)
    network.load_state(state)
    assert np.abs(network.predict(image) - before).max() > 0.1
    assert list(network.state()) == list(initial_state(CONTEXT, 0))


def test_frameworks_are_not_needed(tmp_path):
    write(tmp_path / "a.png", Picture(random(3, height=40)))
    code = """
import importlib.util as util, sys
find = util.find_spec
util.find_spec = lambda name, *rest: None if name in ("torch", "mindspore") else find(name, *rest)
sys.modules |= dict.fromkeys(("torch", "mindspore"))  # importing one fails
from osr.cli import cli, run
run(cli, ["restore", "a.png", "-o", "b.png", "--model", "osr-denoise"])
"""
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert run.returncode == 0, run.stderr
    assert read(tmp_path / "b.png").pixels.shape == (40, 18, 3)


@pytest.mark.parametrize("name", ["Trainer", "init_distributed", "reprogram"])
def test_training_is_refused(name):
    with pytest.raises(BackendError, match="onnx: restores only; .*'osr\\[torch\\]'"):
        getattr(backend, name)(None)


def test_the_command_that_trains_refuses_it_and_leaves_no_folder(tmp_path):
    run = osr("train", "paper-small", "--task", "denoise", "-o", tmp_path / "run",
              "--backend", "onnx")  # fmt: skip
    assert run.returncode == 2
    assert "backend onnx: restores only" in run.errors[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_other_precisions_are_refused(precision):
    with pytest.raises(DeviceError, match=f"precision {precision}: .* computes in float32"):
        backend.load("osr-denoise", "cpu", precision)


def test_a_backbone_of_your_own_is_refused():
    spec = ModelSpec(External("Mine"), InputTransform(3, layout="shared"), OutputTransform(4))
    with pytest.raises(ModelError, match="Mine"):
        backend.load(Checkpoint(spec, {}), "cpu")
    with pytest.raises(BackendError, match="no backbone of your own"):
        backend.load("osr-denoise", "cpu", backbone=object())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda:1", "device cuda:1: .*onnxruntime-gpu; available: cpu"),
        ("openvino", "device openvino: .*onnxruntime-openvino; available: cpu"),
        ("ascend", "device ascend: not usable by ONNX Runtime here; available: cpu"),
        ("coreml:1", "expected auto, cpu, cuda.*coreml"),
    ],
)
def test_devices_that_are_not_there(monkeypatch, name, message):
    monkeypatch.setattr(
        device.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"]
    )
    with pytest.raises(DeviceError, match=message):
        backend.load("osr-denoise", name)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start(monkeypatch):
    built = ["CANNExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(device.onnxruntime, "get_available_providers", lambda: built)
    assert backend.devices() == ["cpu", "coreml", "cann:0"]
    assert str(device.select("auto")) == "cpu"
    with pytest.raises(DeviceError, match="device cann:2: CANNExecutionProvider does not start"):
        backend.load("osr-denoise", "cann:2")


def test_options_of_a_device_reach_its_provider(monkeypatch):
    seen, planned = [], []

    class Session:
        def __init__(self, model, options, providers, **_):
            seen.append((options.intra_op_num_threads, providers))
            planned.append(options.enable_mem_pattern)

        def get_providers(self):
            return [name for name, _ in seen[-1][1]]

    monkeypatch.setattr(device.onnxruntime, "InferenceSession", Session)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    device.session(b"", device.parse_device("cuda:1"))
    device.session(b"", device.parse_device("cpu"))
    cpu = ("CPUExecutionProvider", {})
    assert seen[0] == (3, [("CUDAExecutionProvider", {"use_tf32": "0", "device_id": "1"}), cpu])
    assert seen[1] == (3, [cpu])
    assert planned == [True, False]  # plans of the memory, which takes more of it on a CPU


def _shape(value):
    return [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]
