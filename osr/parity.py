"""Do the backends compute the same on this machine?

Outputs are compared with each other and with the NumPy reference in float64, weights with what
comes back from other formats, and gradients between the frameworks.

No fixed tolerance holds for float32 gradients. That of a gate in a mixture of experts is a sum over
pixels of sign(error) · residual; where an expert hardly changes the image, its residual is the
difference of nearly equal numbers, the terms cancel, and rounding is left: for ``gates.2`` of
osr-general 0.1.0, whose expert changes noise by 0.002, 1e-4 of the gradient. And rounding decides
on which side of its kink a unit falls that is close to it. So two rules:

* A tolerance is measured: :data:`NOISE_FACTOR` times what flipping the last bits of all weights and
  pixels does to the gradient within each framework, and at least :data:`GRADIENT_TOLERANCE`.
* Each gradient must agree for one of :data:`IMAGES` images. A unit that rounding puts on the other
  side of its kink does so for one image; a wrong gradient is wrong for all.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends import get_backend
from osr_core.analysis import analyse
from osr_core.backend import BACKENDS, FRAMEWORKS, is_installed, pick_backend
from osr_core.checkpoint import Checkpoint, State
from osr_core.initial import initial_state
from osr_core.reference import forward
from osr_core.registry import default_model
from osr_core.spec import BACKBONES, InputTransform, ModelSpec, OutputTransform
from osr_core.training.options import TrainerOptions
from osr_core.training.trainer import Arrays, Trainer
from weights import convert

OUTPUT_TOLERANCE = 1e-5
"""Absolute, for images in [0, 1]."""

GRADIENT_TOLERANCE = 1e-5
"""Of the largest value of each gradient tensor."""

NOISE_FACTOR = 10.0
"""Two backends round in as many ways as one with other last bits. Seen between PyTorch and
MindSpore, in osr-general: 3.4 for one image, 1.8 for the best of four, with oneDNN's kernels for
SSE 4.1, AVX2 and AVX-512."""

SAMPLES = 2
"""How often last bits are flipped, in each backend."""

IMAGES = 4
"""Images that are tried for a gradient, at most."""


@dataclass(frozen=True)
class Check:
    """One comparison."""

    model: str
    quantity: str
    """``output``, ``gradient`` or ``conversion``."""
    between: str
    """The two that were compared."""
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; one that is not a number is not."""
        return self.difference <= self.tolerance


def check_parity(model: str | None = None) -> Iterator[Check]:
    """Compare outputs, gradients and converted weights in all installed backends.

    Args:
        model: a registered name or a weight file; None: the default model, and every backbone
            plain and reprogrammed with initial weights.

    Raises:
        BackendError: if no backend is installed.
        ModelError: if there is no such model.
        CheckpointError: if its file cannot be read.
    """
    pick_backend()
    modules = {name: get_backend(name) for name in BACKENDS if is_installed(name)}
    for name, checkpoint in _models(model).items():
        yield from compare_backends(name, checkpoint.spec, checkpoint.state, modules)
        yield from _conversions(name, checkpoint)


def compare_backends(
    model: str, spec: ModelSpec, state: State, backends: Mapping[str, Any]
) -> Iterator[Check]:
    """Outputs and gradients of a network in backends by name, as ``{"torch": backends.torch}``."""
    spec = replace(spec, frozen=False)  # frozen weights have gradients to compare, too
    networks = {name: module.build(spec, state=state) for name, module in backends.items()}
    image, _ = _batch(spec, 0)
    outputs = {name: network.predict(image) for name, network in networks.items()}
    outputs["numpy"] = forward(spec, state, image.astype(np.float64))
    for one, other in combinations(outputs, 2):
        difference = float(np.abs(outputs[one] - outputs[other]).max())
        yield Check(model, "output", f"{one}, {other}", difference, OUTPUT_TOLERANCE)
    options = TrainerOptions()
    trainers = {n: backends[n].Trainer(networks[n], options) for n in networks if n in FRAMEWORKS}
    for one, other in combinations(trainers, 2):
        worst = compare_gradients(spec, state, trainers[one], trainers[other])
        yield Check(model, "gradient", f"{one}, {other}", *worst)


def compare_gradients(
    spec: ModelSpec, state: State, one: Trainer, other: Trainer
) -> tuple[float, float]:
    """Difference and tolerance, of the largest value, of the tensor that agrees least."""
    least: dict[str, tuple[float, float]] = {}
    for seed in range(IMAGES):
        batch = _batch(spec, seed)
        first, second = (trainer.gradients(*batch)[1] for trainer in (one, other))
        found = {n: (_relative(first[n], second[n]), GRADIENT_TOLERANCE) for n in first}
        if _excess(max(found.values(), key=_excess)) > 1:
            noise = [_noise(state, *pair, *batch) for pair in ((one, first), (other, second))]
            for name, (difference, tolerance) in found.items():
                measured = NOISE_FACTOR * max(part[name] for part in noise)
                found[name] = difference, max(tolerance, measured)
        least = {n: min(least.get(n, new), new, key=_excess) for n, new in found.items()}
        worst = max(least.values(), key=_excess)
        if _excess(worst) <= 1:
            break
    return worst


def _noise(
    state: State,
    trainer: Trainer,
    gradients: Arrays,
    image: NDArray[np.float32],
    target: NDArray[np.float32],
) -> dict[str, float]:
    """How far gradients move, of the largest value, when last bits of weights and pixels flip."""
    rng = np.random.default_rng(0)
    noise = dict.fromkeys(gradients, 0.0)
    for _ in range(SAMPLES):
        trainer.network.load_state({name: _neighbours(a, rng) for name, a in state.items()})
        moved = trainer.gradients(_neighbours(image, rng), target)[1]
        noise = {n: max(noise[n], _relative(moved[n], gradients[n])) for n in noise}
    trainer.network.load_state(state)
    return noise


def _neighbours(values: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float32]:
    """The next float32 above or below, at random."""
    towards = np.where(rng.random(values.shape) < 0.5, -np.inf, np.inf).astype(np.float32)
    return np.nextafter(values.astype(np.float32), towards)


def _relative(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Largest difference as a share of the largest value; NaN if either holds one."""
    largest = float(np.max([np.abs(x).max(), np.abs(y).max()]))
    return float(np.abs(x - y).max()) / largest if largest != 0 else 0.0


def _excess(found: tuple[float, float]) -> float:
    difference, tolerance = found
    return math.inf if math.isnan(difference) else difference / tolerance


def _batch(spec: ModelSpec, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    stride = analyse(spec).total_stride
    side = (2 * stride + 8) // stride * stride
    rng = np.random.default_rng(seed)
    image = rng.random((1, 3, side, 2 * side), np.float32)
    return image, rng.random(image.shape, np.float32)


def _models(model: str | None) -> dict[str, Checkpoint]:
    name = model or default_model()
    found = {name: Checkpoint.load(name)}
    if model is None:
        for kind, backbone in BACKBONES.items():
            transforms = InputTransform(3, layout="shared"), OutputTransform()
            specs = {kind: ModelSpec(backbone()), f"osr {kind}": ModelSpec(backbone(), *transforms)}
            found |= {n: Checkpoint(spec, initial_state(spec, 0)) for n, spec in specs.items()}
    return found


def _conversions(name: str, checkpoint: Checkpoint) -> Iterator[Check]:
    """There and back through every other format that can be written here."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".ckpt", ".pth") if is_installed("torch") else (".ckpt",):
            path = Path(folder) / f"model{suffix}"
            convert.save(checkpoint, path)
            back = convert.load(path).state
            # Tensors with a NaN count as different, which is meant.
            differ = sum(not np.array_equal(back[n], a) for n, a in checkpoint.state.items())
            yield Check(name, "conversion", f"safetensors, {suffix[1:]}", float(differ), 0.0)
