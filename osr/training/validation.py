"""PSNR and a picture of fixed validation samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from osr.evaluation.metrics import psnr
from osr.images import to_levels
from osr.training.sampling import Samples
from osr_core.backend import Network

SHOWN = 8
"""Samples in the picture."""

BATCH_SIZE = 8
"""Samples that go through the network together."""


class Validator:
    """Fixed samples, and how well a network restores them."""

    def __init__(self, samples: Samples) -> None:
        recipe = samples.recipe
        count = recipe.validation.samples
        fixed = replace(samples, recipe=replace(recipe, batch_size=count, accumulation_steps=1))
        self.inputs, self.targets = fixed.batch(0)
        self.input_psnr = _psnr(self.inputs, self.targets)
        """Mean PSNR of the degraded samples, dB."""

    def evaluate(self, network: Network) -> tuple[float, NDArray[np.uint8]]:
        """Mean PSNR in dB over the samples (RGB, 8-bit), and a picture, (H, W, 3).

        It has a row for each sample: degraded, restored, clean.
        """
        starts = range(0, len(self.inputs), BATCH_SIZE)
        restored = [network.predict(self.inputs[i : i + BATCH_SIZE]) for i in starts]
        results = np.concatenate(restored)
        picture = _picture(self.inputs[:SHOWN], results[:SHOWN], self.targets[:SHOWN])
        return _psnr(results, self.targets), picture


def _psnr(results: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
    """Mean over (N, 3, H, W), where at most 100 dB count of each; NaN is taken for black."""
    pairs = zip(np.nan_to_num(results).clip(0, 1), targets, strict=True)
    return float(np.mean([min(psnr(a.transpose(1, 2, 0), b.transpose(1, 2, 0)), 100.0)
                          for a, b in pairs]))  # fmt: skip


def _picture(*columns: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(N, 3, H, W) each → (N · H, columns · W, 3)."""
    rows = [np.concatenate(row, axis=2) for row in zip(*columns, strict=True)]
    return to_levels(np.nan_to_num(np.concatenate(rows, axis=1)).transpose(1, 2, 0))
