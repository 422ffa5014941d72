"""Depth maps for haze where none was measured."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from osr.degradations.draws import Generator, Range
from osr_core.checks import Image

Depth = NDArray[np.float32]
"""(H, W) float32: distance from the camera, 0 near and 1 far."""

TYPICAL_DEPTH = 0.55
"""Mean of :func:`pseudo_depth`."""

_SIDE = 64
_RADIUS, _EPSILON = 6, 1e-3  # of the guided filter that aligns depth with the edges of the image


def scene_depth(
    shape: tuple[int, ...], rng: Generator, depth: Depth | None, *made_up: Range
) -> Depth:
    """The depth map where there is one, else a :func:`pseudo_depth` of the given ranges.

    A measured map, of mean 1, is scaled to :data:`TYPICAL_DEPTH`, so that a scattering
    coefficient makes haze of the same thickness with either.
    """
    if depth is None:
        return pseudo_depth(shape, rng, *made_up)
    return np.asarray(depth, np.float32) * np.float32(TYPICAL_DEPTH)


def pseudo_depth(
    shape: tuple[int, ...], rng: Generator, level: Range = (0.15, 0.95), slope: Range = (0.0, 0.6)
) -> Depth:
    """A plausible smooth depth map: farther at the top, with gentle random hills (0 to 0.25).

    Slope and hills are often small, since a crop of a hazy photograph sees almost one depth.

    Args:
        shape: (H, W) or (H, W, 3).
        rng: source of the map.
        level: least and greatest depth in the middle, drawn uniformly.
        slope: least and greatest difference between top and bottom.
    """
    middle = rng.uniform(*level)
    rise = slope[0] + (slope[1] - slope[0]) * rng.uniform() ** 2
    hills = 0.25 * rng.uniform() ** 2
    upward = np.linspace(0.5, -0.5, shape[0], dtype=np.float32)[:, None]
    depth = np.asarray(middle + rise * upward + hills * smooth_field(shape, 4, rng), np.float32)
    return np.clip(depth, 0.0, 1.0, out=depth)


def object_depth(image: Image, rng: Generator) -> Depth:
    """Depth of made-up objects, from about -1 to 1, whose outlines are edges of the image.

    Each pixel belongs to the nearest of some random points, near in place and in colour; each
    point has a plane of random depth and tilt. A guided filter (He, Sun and Tang, TPAMI 2013)
    aligns the outlines with the image.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        rng: source of the points and planes.
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    rows, columns = np.meshgrid(*2 * [np.linspace(0, 1, _SIDE, dtype=np.float32)], indexing="ij")
    places = np.stack((rows, columns), 2).reshape(-1, 2)
    features = np.concatenate((places, rng.uniform(0.3, 1.5) * small.reshape(-1, 3)), 1)
    points = rng.choice(len(places), rng.integers(3, 25), replace=False)
    distances = ((features[:, None] - features[points]) ** 2).sum(2)  # (SIDE², points)
    nearest = distances.argmin(1)
    level, tilt = rng.uniform(-1, 1, len(points)), rng.uniform(-1, 1, (len(points), 2))
    planes = level[nearest] + (tilt[nearest] * (places - places[points][nearest])).sum(1)
    depth = cv2.resize(planes.reshape(_SIDE, _SIDE).astype(np.float32), (width, height))
    guide = cv2.cvtColor(np.ascontiguousarray(image, np.float32), cv2.COLOR_RGB2GRAY)
    return guided_filter(guide, depth, _RADIUS, _EPSILON)


def guided_filter(guide: Depth, plane: Depth, radius: int, epsilon: float) -> Depth:
    """In each window ``plane`` as a straight line of ``guide``, averaged (He et al., eq. 5-8).

    Both are (H, W) float32.
    """
    def mean(values: Depth) -> Depth:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)))

    mean_guide, mean_plane = mean(guide), mean(plane)
    covariance = mean(guide * plane) - mean_guide * mean_plane
    variance = mean(guide * guide) - mean_guide * mean_guide
    slope = covariance / (variance + epsilon)
    return mean(slope) * guide + mean(mean_plane - slope * mean_guide)


def smooth_field(shape: tuple[int, ...], cells: int, rng: Generator) -> NDArray[np.float32]:
    """(H, W) smooth values, about from -1 to 1: ``cells`` random ones a side, enlarged."""
    coarse = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    size = shape[1], shape[0]
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)
