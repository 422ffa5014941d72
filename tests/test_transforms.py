"""The input transform of both backends against osr_core.wave, and its gradients."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tolerances
from numpy.typing import NDArray

from osr_core import wave
from osr_core.reference import NumpyOps
from osr_core.spec import InputTransform

State = dict[str, NDArray[Any]]

SPECS = {
    "FC": InputTransform(5),
    "3x3": InputTransform(5, phase_kernel=3),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_the_input_transform_is_eulers_formula(backend: ModuleType, spec: InputTransform) -> None:
    rng, kernel = np.random.default_rng(1), spec.phase_kernel
    shapes: dict[str, tuple[int, ...]] = {
        "amplitude.weight": (5, 3, 1, 1),
        "amplitude.bias": (5,),
        "phase.weight": (5, 3, kernel, kernel),
        "phase.bias": (5,),
    }
    state = {n: rng.uniform(-2, 2, s).astype(np.float32) for n, s in shapes.items()}
    image = rng.random((2, 3, 6, 7), dtype=np.float32)
    weights = rng.standard_normal((2, 2, 5, 6, 7)).astype(np.float32)  # of the loss

    ops, exact = NumpyOps(state), image.astype(np.float64)
    amplitude, phase = ops.conv("amplitude", exact, 5, 1), ops.conv("phase", exact, 5, kernel)
    by_real, by_imaginary = weights.astype(np.float64)
    cos, sin = np.cos(phase), np.sin(phase)
    slopes = {
        "amplitude": cos * by_real + sin * by_imaginary,
        "phase": amplitude * (cos * by_imaginary - sin * by_real),
    }

    got, grads = EVALUATE[backend.__name__](spec, state, image, weights)
    for part, expected in zip(got, wave.to_parts(amplitude, phase), strict=True):
        np.testing.assert_allclose(part, expected, atol=tolerances.OUTPUT)
    for name, slope in slopes.items():
        centre = shapes[f"{name}.weight"][2] // 2
        tap = grads[f"{name}.weight"][:, :, centre, centre]
        assert _error(tap, np.einsum("nohw,nchw->oc", slope, exact)) < tolerances.GRADIENT
        assert _error(grads[f"{name}.bias"], slope.sum((0, 2, 3))) < tolerances.GRADIENT


def _torch(
    spec: InputTransform, state: State, image: NDArray[Any], weights: NDArray[Any]
) -> tuple[list[NDArray[Any]], State]:
    """Outputs of the layer, and the gradients of their weighted sum."""
    import torch

    from backends.torch.transforms import InputTransform as Layer

    layer = Layer(3, spec)
    layer.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    real, imaginary = layer(torch.from_numpy(image))
    one, other = torch.from_numpy(weights)
    (real * one + imaginary * other).sum().backward()
    grads = {name: weight.grad.numpy() for name, weight in layer.named_parameters()}
    return [real.detach().numpy(), imaginary.detach().numpy()], grads


def _mindspore(
    spec: InputTransform, state: State, image: NDArray[Any], weights: NDArray[Any]
) -> tuple[list[NDArray[Any]], State]:
    """As :func:`_torch`."""
    import mindspore as ms

    from backends.mindspore.transforms import InputTransform as Layer

    layer = Layer(3, spec)
    named = dict(layer.parameters_and_names())
    for name, weight in named.items():
        weight.set_data(ms.Tensor(state[name]))
    one, other = map(ms.Tensor, weights)

    def loss(x: Any) -> Any:
        real, imaginary = layer(x)
        return (real * one + imaginary * other).sum()

    x = ms.Tensor(image)
    slopes = ms.grad(loss, None, list(named.values()))(x)
    grads = {name: slope.asnumpy() for name, slope in zip(named, slopes, strict=True)}
    return [part.asnumpy() for part in layer(x)], grads


EVALUATE = {"backends.torch": _torch, "backends.mindspore": _mindspore}


def _error(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest difference, relative to the largest value."""
    assert got.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 0
    return float(np.abs(got - expected).max() / scale)
