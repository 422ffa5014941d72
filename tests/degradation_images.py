"""Images to degrade. They are read-only: no degradation writes into its input."""

from __future__ import annotations

import numpy as np


def generator(seed=0):
    return np.random.default_rng(seed)


def _rings():
    y, x = np.mgrid[0:64, 0:80].astype(np.float32)
    rings = 0.5 + 0.4 * np.sin((x - 40) ** 2 / 60 + (y - 20) ** 2 / 45)
    disc = np.where((x - 25) ** 2 + (y - 40) ** 2 < 250, 0.8, 0.2)
    grey = 0.5 * rings + 0.5 * disc
    return np.stack([grey, 0.9 * grey + 0.1 * x / 80, 0.8 * grey], 2).astype(np.float32)


RINGS = _rings()  # 64 x 80, with edges, texture and soft colours
RANDOM = generator(1).random((32, 40, 3), np.float32)
for each in (RINGS, RANDOM):
    each.flags.writeable = False


def direction(layer):
    """Angle in degrees against the vertical along which an image changes least."""
    down, right = np.gradient(layer)
    mixed = (right * down).mean()
    tensor = [[(right**2).mean(), mixed], [mixed, (down**2).mean()]]
    x, y = np.linalg.eigh(tensor)[1][:, 0]  # eigenvector of the smaller eigenvalue
    return np.degrees(np.arctan(x / y))
