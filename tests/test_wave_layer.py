"""The wave layers of both backends against osr_core.wave and its gradients."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
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
    "bounded": InputTransform(5, phase_range="bounded"),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_wave_layer_is_eulers_formula(backend: ModuleType, spec: InputTransform) -> None:
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
    slope = np.ones_like(phase)  # of the phase by what the convolution says
    if spec.phase_range == "bounded":
        slope = np.pi / np.cosh(phase) ** 2
        phase = np.pi * np.tanh(phase)
        assert np.abs(phase).max() > 3
    by_amplitude, by_phase = wave.to_parts_vjp(amplitude, phase, *weights.astype(np.float64))
    slopes = {"amplitude": by_amplitude, "phase": by_phase * slope}

    got, grads = EVALUATE[backend.__name__](spec, state, image, weights)
    for part, expected in zip(got, wave.to_parts(amplitude, phase), strict=True):
        np.testing.assert_allclose(part, expected, atol=tolerances.OUTPUT)
    for name, slope in slopes.items():
        centre = shapes[f"{name}.weight"][2] // 2
        tap = grads[f"{name}.weight"][:, :, centre, centre]
        assert _error(tap, np.einsum("nohw,nchw->oc", slope, exact)) < tolerances.GRADIENT
        assert _error(grads[f"{name}.bias"], slope.sum((0, 2, 3))) < tolerances.GRADIENT


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "modulus": lambda home, x, y, *_: (home.modulus(x, y),),
    "amplitude": lambda home, x, y, u, v: home.carry("amplitude", (x, y), (u, v)),
    "phase": lambda home, x, y, u, v: home.carry("phase", (x, y), (u, v)),
}
"""Of real and imaginary part of two waves, in the manner of osr_core.wave and of its layers."""

every_function = pytest.mark.parametrize("name", FUNCTIONS)


@every_function
def test_waves_are_carried_as_in_the_formulas(backend: ModuleType, name: str) -> None:
    """Values, and gradients by central differences; some waves are still, some nearly."""
    rng = np.random.default_rng(2)
    waves = rng.standard_normal((4, 2, 3, 5, 6)).astype(np.float32)
    waves[:, :, :, 0, :3] *= 1e-3
    waves[:2, :, :, 0, 0] = waves[2:, :, :, 0, 1] = 0

    def formula(*parts: NDArray[Any]) -> Any:
        return FUNCTIONS[name](wave, *parts)

    exact, step = list(waves.astype(np.float64)), 1e-6
    results = formula(*exact)
    weights = rng.standard_normal((len(results), *waves.shape[1:])).astype(np.float32)
    got, grads = GRADIENTS[backend.__name__](name, waves, weights)
    for one, expected in zip(got, results, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, expected, rtol=tolerances.OUTPUT, atol=1e-9)
    for index, part in enumerate(exact):
        up, down = (
            formula(*exact[:index], part + sign * step, *exact[index + 1 :]) for sign in (1, -1)
        )
        change = [(a - b) / (2 * step) for a, b in zip(up, down, strict=True)]
        expected = sum(w * c for w, c in zip(weights, change, strict=True))
        np.testing.assert_allclose(grads[index], expected, rtol=2e-5, atol=2e-5)


@every_function
def test_waves_are_carried_in_float32(backend: ModuleType, name: str) -> None:
    """Half a precision holds neither the square of 300 nor that of the floor."""
    waves = np.full((4, 1, 1, 1, 3), [0, 2**-12, 300], np.float16).astype(np.float32)
    if backend.__name__ == "backends.torch":
        import torch

        half = [torch.from_numpy(part).half() for part in waves]
        with torch.autocast("cpu", torch.bfloat16):
            got = FUNCTIONS[name](import_module("backends.torch.layers"), *half)
        assert all(part.dtype == torch.float32 for part in got)
    else:
        import mindspore as ms

        half = [ms.Tensor(part).astype(ms.float16) for part in waves]
        got = FUNCTIONS[name](import_module("backends.mindspore.layers"), *half)
        assert all(part.dtype == ms.float32 for part in got)
    for part, expected in zip(got, FUNCTIONS[name](wave, *waves), strict=True):
        np.testing.assert_allclose(part.numpy(), expected, rtol=1e-6)


def _torch(
    spec: InputTransform, state: State, image: NDArray[Any], weights: NDArray[Any]
) -> tuple[list[NDArray[Any]], State]:
    """Outputs of a wave layer, and the gradients of their weighted sum."""
    import torch

    from backends.torch.layers import Wave

    layer = Wave(3, spec)
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

    from backends.mindspore.layers import Wave

    layer = Wave(3, spec)
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


def _torch_gradients(
    name: str, waves: NDArray[Any], weights: NDArray[Any]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Results of a function of waves, and the gradients of their weighted sum."""
    import torch

    from backends.torch import layers

    parts = [torch.tensor(part, requires_grad=True) for part in waves]
    results = FUNCTIONS[name](layers, *parts)
    loss = sum((r * torch.from_numpy(w)).sum() for r, w in zip(results, weights, strict=True))
    grads = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
    return [r.detach().numpy() for r in results], [g.numpy() for g in grads]


def _mindspore_gradients(
    name: str, waves: NDArray[Any], weights: NDArray[Any]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """As :func:`_torch_gradients`."""
    import mindspore as ms

    from backends.mindspore import layers

    def loss(*parts: Any) -> Any:
        results = FUNCTIONS[name](layers, *parts)
        return sum((r * ms.Tensor(w)).sum() for r, w in zip(results, weights, strict=True))

    parts = [ms.Tensor(part) for part in waves]
    grads = ms.grad(loss, (0, 1, 2, 3))(*parts)
    results = FUNCTIONS[name](layers, *parts)
    return [r.asnumpy() for r in results], [g.asnumpy() for g in grads]


GRADIENTS = {"backends.torch": _torch_gradients, "backends.mindspore": _mindspore_gradients}


def _error(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest difference, relative to the largest value."""
    assert got.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 0
    return float(np.abs(got - expected).max() / scale)
