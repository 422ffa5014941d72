"""Bicubic resampling against the definition of MATLAB's imresize."""

from __future__ import annotations

import numpy as np
import pytest
from degradation_images import RINGS

from osr.degradations.resize import bicubic_weights, keys_cubic, low_resolution, resize_bicubic
from osr.evaluation.metrics import Protocol, psnr
from osr_core.errors import OptionError


def slow_imresize(line, target):
    """MATLAB's imresize of one line, straight from its definition, a pixel at a time."""

    def cubic(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0

    n, scale = len(line), target / len(line)
    narrow = min(scale, 1.0)
    width = 4.0 / narrow
    mirrored = [*range(n), *range(n - 1, -1, -1)]
    out = []
    for i in range(1, target + 1):  # from 1, as there
        u = i / scale + 0.5 * (1 - 1 / scale)
        left = int(np.floor(u - width / 2))
        taps = [left + p for p in range(int(np.ceil(width)) + 2)]
        weights = [narrow * cubic(narrow * (u - j)) for j in taps]
        values = [line[mirrored[(j - 1) % (2 * n)]] for j in taps]
        out.append(np.dot(weights, values) / sum(weights))
    return np.array(out)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((12, 20), (6, 10)),
        ((13, 11), (7, 4)),
        ((9, 8), (27, 32)),
        ((3, 5), (1, 9)),
        ((1, 2), (4, 1)),
    ],
)
def test_resize_equals_the_definition_of_imresize(source, target):
    image = np.random.default_rng(0).random((*source, 3), np.float32)
    rows = np.apply_along_axis(slow_imresize, 0, image.astype(np.float64), target[0])
    expected = np.apply_along_axis(slow_imresize, 1, rows, target[1])
    np.testing.assert_allclose(resize_bicubic(image, target), expected, atol=2e-6)


def test_weights_of_halving_are_those_of_matlab():
    indices, weights = bicubic_weights(16, 8)
    half = np.array([-3, -9, 29, 111]) / 256  # Keys at 1.75, 1.25, 0.75, 0.25, halved
    np.testing.assert_allclose(weights[:, 4], [*half, *half[::-1]], atol=1e-7)
    assert indices[:, 4].tolist() == list(range(5, 13))
    assert indices[:, 0].tolist() == [2, 1, 0, 0, 1, 2, 3, 4]  # mirrored, border pixel repeated
    assert keys_cubic(np.array([-0.25]))[0] * 128 == 111
    with pytest.raises(ValueError, match="read-only"):
        bicubic_weights(5, 3)[1][0] = 0


@pytest.mark.parametrize("scale", [4, 2.6])
def test_low_resolution_matches_the_slow_path_in_decibels(scale):
    def there_and_back(line):
        return slow_imresize(slow_imresize(line, int(np.ceil(len(line) / scale))), len(line))

    soft = 0.2 + 0.5 * RINGS  # so that nothing is clipped on the way
    expected = np.apply_along_axis(there_and_back, 0, soft.astype(np.float64))
    expected = np.apply_along_axis(there_and_back, 1, expected)
    protocol = Protocol("y", crop=2)
    figure = psnr(low_resolution(soft, scale), soft, protocol)
    assert figure == pytest.approx(psnr(expected, soft, protocol), abs=0.01)
    np.testing.assert_array_equal(low_resolution(RINGS, 1.0), RINGS)


def test_sizes_are_positive_whole_numbers():
    for size in ((0, 4), (2.5, 4)):
        with pytest.raises(OptionError, match="size must be two positive whole numbers"):
            resize_bicubic(RINGS, size)
