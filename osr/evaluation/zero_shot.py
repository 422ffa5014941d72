"""Zero-shot restoration: a small network that is fitted to the one image it restores.

It needs no training data, and minutes instead of a fraction of a second for each image. Written
with PyTorch, whatever the backend of the networks beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from osr.evaluation.baselines import Baseline
from osr_core.checks import Image
from osr_core.errors import PackageError

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 2000
"""Of the optimizer for an image."""

RATE, SLOPE = 1e-3, 0.2
"""Learning rate of Adam, halved after half of the steps; slope of the leaky ReLU."""

SHAPES = ((48, 3, 3, 3), (48, 48, 3, 3), (3, 48, 1, 1))
"""Of the weights of the three convolutions."""

PARAMETERS = sum(int(np.prod(shape)) + shape[0] for shape in SHAPES)
"""With biases."""


def zs_n2n(image: Image) -> Image:
    """ZS-N2N (Mansour and Heckel, "Zero-Shot Noise2Noise", CVPR 2023): denoising.

    Two half-size images of the same scene are averages of the two diagonals of each 2×2 block. If
    noise is independent from pixel to pixel, theirs is independent, too: a network that predicts
    the noise of one from the other, as in Noise2Noise, learns to denoise. What it makes of the
    image and what it makes of the half-size images are to agree (consistency loss). Initial weights
    are drawn with a fixed seed. Images less than 2 pixels a side are returned as they are.

    Args:
        image: (H, W, 3) float32 in [0, 1].

    Raises:
        PackageError: if PyTorch is not installed.
    """
    require_torch()
    if min(image.shape[:2]) < 2:
        return image
    import torch
    from torch.nn.functional import mse_loss

    device = "cuda" if torch.cuda.is_available() else "cpu"
    noisy = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).to(device)
    weights = [torch.from_numpy(w).to(device).requires_grad_() for w in initial_weights()]

    def denoise(x: Tensor) -> Tensor:
        return x - _noise(x, weights)

    first, second = halves(noisy)
    optimizer = torch.optim.Adam(weights, RATE)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, max(1, STEPS // 2), 0.5)
    for _ in range(STEPS):
        one, other = denoise(first), denoise(second)
        residual = mse_loss(one, second) + mse_loss(other, first)
        small, same = halves(denoise(noisy))
        consistency = mse_loss(one, small) + mse_loss(other, same)
        optimizer.zero_grad()
        ((residual + consistency) / 2).backward()
        optimizer.step()
        scheduler.step()
    with torch.no_grad():
        return np.asarray(denoise(noisy)[0].permute(1, 2, 0).cpu().numpy())


def require_torch() -> None:
    """Raise :class:`PackageError` unless PyTorch is installed."""
    if find_spec("torch") is None:
        raise PackageError("zs-n2n: needs torch; pip install 'osr[torch]'")


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) → two (N, C, H/2, W/2): averages of the diagonals of each 2×2 block."""
    rows, columns = (side // 2 * 2 for side in x.shape[2:])
    even = x[:, :, :rows, :columns]
    falling = (even[:, :, ::2, ::2] + even[:, :, 1::2, 1::2]) / 2
    rising = (even[:, :, 1::2, ::2] + even[:, :, ::2, 1::2]) / 2
    return rising, falling


def initial_weights(seed: int = 0) -> list[Image]:
    """Weight and bias of each convolution, uniform within one over the root of its inputs."""
    rng = np.random.default_rng(seed)
    arrays = []
    for shape in SHAPES:
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        arrays += [rng.uniform(-bound, bound, size) for size in (shape, shape[:1])]
    return [array.astype(np.float32) for array in arrays]


def _noise(x: Tensor, weights: list[Tensor]) -> Tensor:
    from torch.nn.functional import conv2d, leaky_relu

    x = leaky_relu(conv2d(x, weights[0], weights[1], padding=1), SLOPE)
    x = leaky_relu(conv2d(x, weights[2], weights[3], padding=1), SLOPE)
    return conv2d(x, weights[4], weights[5])


ZERO_SHOT: Mapping[str, Baseline] = {
    "zs-n2n": Baseline(
        "ZS-N2N",
        frozenset({"noise", "poisson_gaussian", "camera_noise"}),
        zs_n2n,
    ),
}
"""Every method by name."""
