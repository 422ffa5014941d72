"""The phase of the grids that degradation leaves: JPEG's blocks, halved chroma, resampling.

In a whole image, and in a tile of it at a multiple of their period, grids begin at the corner. A
crop that is degraded and then trimmed by a fixed margin shows them at one other phase only, and a
network with strides learns that phase alone: trained on JPEG at offset 4 of 8, a U-Net of total
stride 8 gained 0.91 dB there and 0.00 dB at offset 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osr.degradations import Chain, Ranges
from osr_core.checks import Image

ALIGNED = 0.6
"""Probability that the grids begin at the corner of the trimmed crop, which is what networks mostly
meet: whole images, and tiles at multiples of 8. Any other phase stands for images that were cropped
after they were stored."""


def degrade_crop(
    chain: Chain,
    crop: Image,
    rng: np.random.Generator,
    margin: int,
    depth: Image | None = None,
    ranges: Mapping[str, Ranges] | None = None,
) -> tuple[Image, Image]:
    """A chain's result and target for a crop as if cut from a larger image that was degraded.

    Args:
        chain: what is done.
        crop: (H, W, 3) float32 in [0, 1].
        rng: source of the phase, drawn if the chain leaves a grid, and of what the chain draws.
        margin: pixels that will be trimmed off each side.
        depth, ranges: see :class:`~osr.degradations.Chain`.
    """
    period = chain.grid
    if period == 1:
        return chain(crop, rng, depth, ranges)
    aligned = rng.random() < ALIGNED
    top, left = (-margin % period,) * 2 if aligned else rng.integers(period, size=2)
    height, width = crop.shape[:2]
    # Whole periods: resampling then has the same phase everywhere.
    around = [(top, -(top + height) % period), (left, -(left + width) % period)]
    if depth is not None:
        depth = np.pad(depth, around, mode="reflect")
    padded = np.pad(crop, [*around, (0, 0)], mode="reflect")
    degraded, target = chain(padded, rng, depth, ranges)
    inside = np.s_[top : top + height, left : left + width]
    return degraded[inside], target[inside]


def on_grid(place: int, last: int, margin: int, period: int = 16) -> int:
    """The nearest place from 0 to ``last`` that a margin is trimmed to a multiple of the period.

    The same place if there is none. JPEG's chroma has a period of 16 pixels.

    >>> [on_grid(place, 40, 12) for place in (0, 11, 13, 40)], on_grid(2, 3, 12)
    ([4, 4, 20, 36], 2)
    """
    places = range(-margin % period, last + 1, period)
    return min(places, key=lambda each: abs(each - place), default=place)
