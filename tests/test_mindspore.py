"""What only MindSpore has: its devices, its graphs, the cap of its oneDNN, its report files."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from osr_core.backend import is_installed
from osr_core.errors import DeviceError
from osr_core.operations import LEAKY_SLOPE
from osr_core.spec import (
    Experts,
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    RoutedExperts,
    UNet,
)
from osr_core.training.options import TrainerOptions

if not is_installed("mindspore"):
    pytest.skip("mindspore is not installed", allow_module_level=True)

import mindspore as ms

from backends.mindspore import Trainer, build, device, onednn, optimizers, training
from backends.mindspore.layers import Deconv, leaky

ROOT = Path(__file__).resolve().parent.parent
SPECS = {
    "residual": ModelSpec(Residual((4, 4, 4, 4, 4))),
    "griddehaze": ModelSpec(GridDehaze(depth_rate=4, growth=4, dense_layers=1)),
    "leaky": ModelSpec(UNet((4, 8), blocks=1, activation="leaky")),
    "experts": ModelSpec(Experts((UNet((4, 8), 1), UNet((4,), 1, 4)), UNet((4,), 1), 2)),
    "routed": ModelSpec(RoutedExperts((UNet((4, 8), 1), UNet((4,), 1, 4)), (4, 6), (4,), 2, 8, 8)),
    "reprogrammed": ModelSpec(UNet((4, 8), blocks=1), InputTransform(2), OutputTransform(4)),
    "shared": ModelSpec(
        UNet((4, 8), blocks=1), InputTransform(3, layout="shared"), OutputTransform(4)
    ),
}
WAVES = ["reprogrammed", "shared"]


def _images(seed=0):
    return np.random.default_rng(seed).random((1, 3, 16, 16), dtype=np.float32)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_a_graph_computes_the_same(spec):
    network = build(spec)
    graph = ms.jit(network)(ms.Tensor(_images())).asnumpy()
    np.testing.assert_allclose(graph, network.predict(_images()), atol=1e-6)


@pytest.mark.parametrize("kind", ["experts", "routed", "shared"])
def test_a_trainer_works_as_a_graph(monkeypatch, kind):
    spec = SPECS[kind]
    trainers = [Trainer(build(spec), TrainerOptions())]
    monkeypatch.setattr(training, "compiled", ms.jit)
    trainers.append(Trainer(build(spec), TrainerOptions()))
    for step in range(3):
        losses = [trainer.step(_images(step), _images(9), 1e-4) for trainer in trainers]
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("size", [(8, 8), (8, 24), (16, 8)])
def test_images_of_one_cell_have_gradients(size):
    images = np.random.default_rng(0).random((1, 3, *size), np.float32)
    trainer = Trainer(build(SPECS["routed"]), TrainerOptions())
    loss, gradients = trainer.gradients(images, 1 - images)
    assert np.isfinite(loss)
    assert any(gradient.any() for gradient in gradients.values())


def test_adamw_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    weight = ms.Parameter(ms.Tensor(np.zeros(500, np.float32)), name="weight")
    optimizer = optimizers.AdamW({"weight": weight}, weight_decay=0.1)
    w = m = v = np.zeros(500)
    for t in range(1, 6):
        # Gradients down to 1e-8, where epsilon counts.
        g = (rng.standard_normal(500) * 10 ** rng.uniform(-8, 0, 500)).astype(np.float32)
        optimizer.step({"weight": ms.Tensor(g)}, 1e-3)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g.astype(float) ** 2
        update = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = w - 1e-3 * 0.1 * w - 1e-3 * update
    # Seen: 1.1e-7 of the largest weight; 6.6e-6 with BETAS not rounded to float32.
    assert np.abs(weight.asnumpy() - w).max() < 1e-6 * np.abs(w).max()


@pytest.mark.parametrize("kind", WAVES)
def test_half_precision_leaves_the_phase_alone(kind):
    network = build(SPECS[kind])
    exact = network.predict(_images())
    network.precision = "float16"
    assert 0 < np.abs(network.predict(_images()) - exact).max() < 1e-2
    phase = network.input_transform.phase_conv(ms.Tensor(_images()))
    assert phase.dtype == ms.float32
    network.precision = "float32"
    np.testing.assert_array_equal(network.predict(_images()), exact)


def test_a_result_is_not_overwritten_by_the_next():
    network = build(SPECS["residual"])
    first = network.predict(_images(0))
    kept = first.copy()
    network.predict(_images(1))
    np.testing.assert_array_equal(first, kept)


def test_deconvolution_paints_its_kernel():
    layer = Deconv(1)
    layer.weight.set_data(ms.Tensor(np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)))
    layer.bias.set_data(ms.Tensor(np.zeros(1, np.float32)))
    image = np.zeros((1, 1, 2, 2), np.float32)
    image[0, 0, 1, 1] = 1
    painted = layer(ms.Tensor(image)).asnumpy()[0, 0]
    expected = np.zeros((5, 5))
    expected[2:, 2:] = np.arange(9).reshape(3, 3)
    np.testing.assert_array_equal(painted, expected[1:, 1:])


@pytest.mark.parametrize("dtype", [ms.float32, ms.float16], ids=str)
def test_a_leaky_activation_at_its_kink(dtype):
    x = ms.Tensor([-2.0, -0.0, 0.0, 2.0], dtype)
    result, slope = ms.value_and_grad(leaky)(x)
    assert result.dtype == slope.dtype == dtype
    np.testing.assert_allclose(result.asnumpy(), [-2 * LEAKY_SLOPE, 0, 0, 2], rtol=1e-3)
    np.testing.assert_allclose(slope.asnumpy(), 3 * [LEAKY_SLOPE] + [1], rtol=1e-3)


def test_devices():
    assert device.devices()[-1] == "cpu"
    assert str(device.select("cpu")) == "cpu"
    assert device.select("cpu") == device.select("cpu")
    if device.devices() == ["cpu"]:
        assert str(device.select("auto")) == "cpu"
        for name in ("cuda", "ascend:1"):
            with pytest.raises(DeviceError, match=f"device {name}: not usable by MindSpore here"):
                device.select(name)


def test_precisions_of_the_cpu():
    for precision in ("float32", "float16"):
        device.check_precision("cpu", precision)
    with pytest.raises(DeviceError, match="bfloat16: unsupported by MindSpore on a CPU"):
        device.check_precision("cpu", "bfloat16")
    with pytest.raises(DeviceError, match="precision int8: expected one of float32"):
        device.check_precision("cpu", "int8")


CAP = "from backends.mindspore import onednn; print(onednn.cap())"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "variable", "state"),
    [
        (CAP, None, "on"),
        (CAP, "DNNL_MAX_CPU_ISA", "set by the environment"),
        (f"import mindspore as ms; ms.nn.Conv2d(1, 1, 1)(ms.ops.ones((1, 1, 2, 2))); {CAP}", None,
         "too late"),
    ],
)  # fmt: skip
def test_states_of_the_cap(code, variable, state):
    if not onednn._has_avx512():
        state = state if variable else "not needed"
    environment = {k: v for k, v in os.environ.items() if k not in onednn.VARIABLES}
    environment |= {"OSR_BACKEND": "mindspore", **({variable: "ALL"} if variable else {})}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.stdout.strip() == state, run.stderr


@pytest.mark.slow
def test_a_graph_that_fails_leaves_nothing_in_the_working_directory(tmp_path):
    code = """
import os, shutil
from backends.mindspore import build
import mindspore as ms
from osr_core.training.options import TrainerOptions
from osr_core.spec import ModelSpec, UNet
try:
    ms.jit(build(ModelSpec(UNet((4, 8)))))(ms.ops.ones((1, 5, 16, 16)))
except Exception:
    assert os.path.isdir(os.environ["MS_OM_PATH"])
    shutil.rmtree(os.environ["MS_OM_PATH"])
    print("failed")
"""
    environment = {k: v for k, v in os.environ.items() if k != "MS_OM_PATH"}
    environment |= {"OSR_BACKEND": "mindspore", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.stdout.strip() == "failed", run.stderr
    assert list(tmp_path.iterdir()) == []


def test_kernels_are_dropped_after_some_sizes(monkeypatch):
    """Neither earlier results nor a training notice it."""
    executor, dropped = device._pynative_executor, []
    counted = SimpleNamespace(clear_res=lambda: dropped.append(executor.clear_res()))
    monkeypatch.setattr(device, "_pynative_executor", counted)
    monkeypatch.setattr(device, "SIZES", 2)
    monkeypatch.setattr(device, "_sizes", set())

    def losses(validate):
        network = build(SPECS["leaky"])
        trainer, found = Trainer(network, TrainerOptions()), []
        for seed in range(3):
            found.append(trainer.step(_images(seed), _images(seed + 1), 1e-3))
            if validate:
                results = [network.predict(_images()[..., : 4 * side]) for side in (1, 2, 3, 4)]
                again = [network.predict(_images()[..., : 4 * side]) for side in (1, 2, 3, 4)]
                for one, other in zip(results, again, strict=True):
                    np.testing.assert_array_equal(one, other)
        return found

    assert losses(validate=False) == losses(validate=True)
    assert len(dropped) > 3
