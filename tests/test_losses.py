from functools import lru_cache
from importlib import import_module

import numpy as np
import pytest

from osr_core.backend import is_installed, parse_device
from osr_core.errors import CheckpointError, DeviceError, OptionError
from osr_core.reference import NumpyOps
from osr_core.training.losses import CHARBONNIER_EPSILON, LOSSES, PSNR_FLOOR, check_losses
from osr_core.training.vgg import MEAN, STAGES, STD, vgg_shapes

VALUE = 1e-6
"""Relative. Seen, over six seeds, against float64: 1.2e-7 in either backend."""

GRADIENT = 1e-5
"""Relative to the largest. Seen, over six seeds: perceptual 1.1e-6 in PyTorch and 1.4e-6 in
MindSpore against float64, 1.6e-6 between the two; the others 2e-7."""

COMBINATIONS = [
    {"smooth_l1": 1.0, "perceptual": 0.04},
    {"l1": 1, "frequency": 0.1},
    {"charbonnier": 0.5, "mse": 2.0, "l1": 0.25},
]
CASES = [{name: 1.0} for name in LOSSES] + COMBINATIONS


def _per_image(d):
    return (d**2).mean((1, 2, 3))


def _frequency(d):
    spectrum = np.fft.fft2(d)
    return (np.abs(spectrum.real) + np.abs(spectrum.imag)).mean() / 2


REFERENCES = {
    "l1": lambda d: np.abs(d).mean(),
    "smooth_l1": lambda d: np.where(np.abs(d) < 1, d**2 / 2, np.abs(d) - 1 / 2).mean(),
    "charbonnier": lambda d: np.sqrt(d**2 + CHARBONNIER_EPSILON**2).mean(),
    "mse": lambda d: (d**2).mean(),
    "rmse": lambda d: np.sqrt(_per_image(d) + PSNR_FLOOR).mean() - np.sqrt(PSNR_FLOOR),
    "psnr": lambda d: np.log1p(_per_image(d) / PSNR_FLOOR).mean(),
    "frequency": _frequency,
}
"""In NumPy, of the difference."""


def _name(weights):
    return "+".join(weights)


needs_torch = pytest.mark.skipif(not is_installed("torch"), reason="no torch")
needs_mindspore = pytest.mark.skipif(not is_installed("mindspore"), reason="no mindspore")


@lru_cache
def random_vgg():
    rng = np.random.default_rng(0)

    def draw(shape):
        he = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        return (he * rng.standard_normal(shape)).astype(np.float32)

    return {name: draw(shape) for name, shape in vgg_shapes().items()}


def _pictures(weights, seed=9):
    """Result and target: differences on both sides of smooth_l1's bend, or pictures for VGG16.

    The seed keeps clear of kinks: VGG16's pre-activations are at least 1.8e-5 from 0 and the two
    largest of each pooling 2.2e-4 apart, many times float32's rounding.
    """
    rng = np.random.default_rng(seed)
    if "perceptual" in weights:
        return rng.random((2, 1, 3, 32, 32), np.float32)
    return rng.standard_normal((2, 2, 3, 9, 8)).astype(np.float32)


def _judge(weights, result, target):
    """The sum in float64."""
    return sum(
        w * (_perceptual(result, target) if n == "perceptual" else REFERENCES[n](result - target))
        for n, w in weights.items()
    )


def _perceptual(result, target):
    pairs = zip(_features(result), _features(target), strict=True)
    return np.mean([np.mean((ours - theirs) ** 2) for ours, theirs in pairs])


def _features(image):
    ops = NumpyOps(random_vgg())
    x = (image - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    for level, names in enumerate(STAGES):
        if level:
            x = np.max([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=0)
        for name in names:
            x = np.maximum(ops.conv(name, x, len(random_vgg()[f"{name}.bias"])), 0)
        yield x


def _run(backend, weights, result, target):
    """Value and gradient by the result, float32."""
    loss = import_module(f"{backend.__name__}.losses").Loss(weights, random_vgg())
    if backend.__name__ == "backends.mindspore":
        import mindspore as ms

        value, gradient = ms.value_and_grad(loss)(ms.Tensor(result), ms.Tensor(target))
        assert value.dtype == ms.float32
        return float(value), gradient.asnumpy().copy()
    import torch

    x = torch.tensor(result, requires_grad=True)
    value = loss(x, torch.tensor(target))
    value.backward()
    assert value.dtype == torch.float32
    assert value.shape == ()
    return value.item(), x.grad.numpy()


@pytest.mark.parametrize("weights", CASES, ids=_name)
def test_the_value_is_that_of_numpy(backend, weights):
    result, target = _pictures(weights)
    value, _ = _run(backend, weights, result, target)
    judge = _judge(weights, result.astype(np.float64), target.astype(np.float64))
    assert value == pytest.approx(judge, rel=VALUE)


@pytest.mark.parametrize("weights", CASES, ids=_name)
def test_the_gradient_is_that_of_finite_differences(backend, weights):
    result, target = _pictures(weights)
    _, gradient = _run(backend, weights, result, target)
    result, target = result.astype(np.float64), target.astype(np.float64)
    # Each pixel, but for VGG16, which takes its time, a few.
    indices = list(np.ndindex(result.shape))[:: 1200 if "perceptual" in weights else 1]
    step = 1e-6
    for index in indices:
        ends = []
        for sign in (1, -1):
            moved = result.copy()
            moved[index] += sign * step
            ends.append(_judge(weights, moved, target))
        slope = (ends[0] - ends[1]) / (2 * step)
        assert abs(gradient[index] - slope) <= GRADIENT * np.abs(gradient).max(), index


@pytest.mark.parametrize(
    ("name", "d", "expected"),
    [
        ("l1", 0.5, 0.5),
        ("smooth_l1", 0.5, 0.125),
        ("smooth_l1", 2.0, 1.5),
        ("charbonnier", 0.0, 1e-3),
        ("mse", 0.5, 0.25),
        ("rmse", 0.1, np.sqrt(0.01001) - np.sqrt(1e-5)),
        ("psnr", 0.1, np.log(1001)),
        ("frequency", 1.0, 0.5),  # one coefficient of N·N·d among N·N real and N·N imaginary parts
    ],
)
def test_known_values(name, d, expected):
    zeros = np.zeros((1, 3, 4, 4))
    assert REFERENCES[name](zeros + d) == pytest.approx(expected)


def test_frequency_is_not_normalised():
    """A single bright pixel has a flat spectrum of its own height, at any size."""
    for side in (4, 16):
        picture = np.zeros((1, 1, side, side))
        picture[..., 0, 0] = 0.8
        assert REFERENCES["frequency"](picture) == pytest.approx(0.4)


EVERYTHING = dict.fromkeys(LOSSES, 1.0)


@needs_torch
def test_torch_computes_in_float32_under_autocast():
    import torch

    loss = import_module("backends.torch.losses").Loss(EVERYTHING, random_vgg())
    result, target = map(torch.from_numpy, _pictures(EVERYTHING))
    conv = torch.nn.Conv2d(3, 3, 3, padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        half = conv(result)
        assert half.dtype == torch.bfloat16
        inside = loss(half, target)
    assert inside.dtype == torch.float32
    assert inside == loss(half.float(), target)
    inside.backward()
    assert torch.isfinite(conv.weight.grad).all()


@needs_mindspore
def test_mindspore_computes_in_float32_beside_and_inside_half_precision():
    import mindspore as ms
    from mindspore import nn, ops

    class Training(nn.Cell):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3).to_float(ms.float16)
            self.loss = import_module("backends.mindspore.losses").Loss(EVERYTHING, random_vgg())

        def construct(self, image, target):
            return self.loss(self.conv(image), target)

    training = Training()
    result, target = map(ms.Tensor, _pictures(EVERYTHING))
    half = training.conv(result)
    assert half.dtype == ms.float16
    alone = float(training.loss(half.astype(ms.float32), target))
    value, gradients = ms.value_and_grad(training, None, training.trainable_params())(
        result, target
    )
    assert value.dtype == ms.float32
    assert float(value) == alone
    assert all(bool(ops.isfinite(gradient).all()) for gradient in gradients)
    training.to_float(ms.float16)  # the whole of it: the loss stays out
    rounded = target.astype(ms.float16).astype(ms.float32)
    assert float(training(result, rounded)) == float(training.loss(half, rounded))


@needs_mindspore
def test_mindspore_graphs_give_the_same():
    import mindspore as ms

    loss = import_module("backends.mindspore.losses").Loss(EVERYTHING, random_vgg())
    pictures = [ms.Tensor(picture) for picture in _pictures(EVERYTHING)]
    step = ms.value_and_grad(loss)
    value, gradient = step(*pictures)

    def function(x, y):
        return step(x, y)

    graph_value, graph_gradient = ms.jit(function)(*pictures)
    assert float(graph_value) == pytest.approx(float(value), rel=VALUE)
    gradient, graph_gradient = gradient.asnumpy(), graph_gradient.asnumpy()
    assert np.abs(graph_gradient - gradient).max() <= GRADIENT * np.abs(gradient).max()


def test_vgg_is_a_constant(backend):
    loss = import_module(f"{backend.__name__}.losses").Loss({"perceptual": 1}, random_vgg())
    if backend.__name__ == "backends.mindspore":
        assert loss.trainable_params() == []
    else:
        assert list(loss.parameters()) == []
        assert loss.state_dict() == {}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"smoth_l1": 1.0}, r"loss\.smoth_l1: unknown; did you mean smooth_l1\?"),
        ({"vgg": 1.0}, r"loss\.vgg: unknown; did you mean"),
        ({"l1": -1.0}, r"loss\.l1: expected a positive number, got -1\.0"),
        ({"l1": 0}, "expected a positive number"),
        ({"l1": float("nan")}, "expected a positive number"),
        ({"l1": float("inf")}, "expected a positive number"),
        ({"l1": "1"}, "expected a positive number, got '1'"),
        ({"l1": True}, "expected a positive number"),
        ({}, "loss: expected weights by name"),
        ("l1", "loss: expected weights by name"),
    ],
)
def test_weights_that_make_no_sense(weights, message):
    with pytest.raises(OptionError, match=message):
        check_losses(weights)


def test_loss_checks_its_weights_and_asks_for_vgg(backend):
    loss = import_module(f"{backend.__name__}.losses").Loss
    with pytest.raises(OptionError, match=r"loss\.l2: unknown"):
        loss({"l2": 1.0})
    with pytest.raises(OptionError, match=r"loss\.perceptual: needs .*vgg16-397923af\.pth"):
        loss({"l1": 1.0, "perceptual": 0.04})
    with pytest.raises(CheckpointError, match=r"features\.0\.weight: missing"):
        loss({"perceptual": 0.04}, {})


@needs_mindspore
def test_mindspore_has_no_fft_on_cuda(monkeypatch):
    losses = import_module("backends.mindspore.losses")
    monkeypatch.setattr(losses, "current", lambda: parse_device("cuda"))
    with pytest.raises(DeviceError, match=r"loss\.frequency: MindSpore has no FFT on CUDA"):
        losses.Loss({"frequency": 1.0})
