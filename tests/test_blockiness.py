"""Traces of JPEG's grid: :mod:`osr_core.blockiness`."""

import cv2
import numpy as np
import pytest

from osr_core.blockiness import CHANNELS, PERIOD, blockiness
from osr_core.context import mosaic, patches


def coded(image, quality):
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def excess(image):
    """Of columns and rows, (2, 8), of an image in (H, W, BGR)."""
    planes = (image[..., ::-1].transpose(2, 0, 1)[None] / 255).astype(np.float32)
    result = blockiness(patches(mosaic(planes)))
    assert result.dtype == np.float32
    assert result.shape == (1, CHANNELS, 1, 1)
    return result.reshape(2, PERIOD)


@pytest.fixture(scope="module")
def photograph():
    image = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (264, 264, 3)).astype(float), (0, 0), 3.0
    )
    return np.clip(128 + 4 * (image - image.mean()), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5)])
def test_the_strongest_edges_are_those_between_the_blocks_of_jpeg(photograph, row, column):
    columns, rows = excess(coded(photograph, 60)[row : row + 256, column : column + 256])
    assert (columns.argmax(), rows.argmax()) == ((7 - column) % PERIOD, (7 - row) % PERIOD)
    assert columns.max() > 2


def test_without_jpeg_no_offset_stands_out(photograph):
    assert np.abs(excess(photograph[:256, :256])).max() < 0.5


def test_one_edge_of_the_scene_is_not_a_grid():
    image = np.random.default_rng(0).integers(96, 160, (256, 256, 3)).astype(np.uint8)
    before = excess(image)
    image[:, 128:] = 255 - image[:, 128:] // 2
    assert np.abs(excess(image) - before).max() < 0.3


def test_flat_grey_has_none():
    assert not excess(np.full((64, 64, 3), 128, np.uint8)).any()
