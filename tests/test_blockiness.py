"""Traces of JPEG's grid: :mod:`osr_core.blockiness`."""

import cv2
import numpy as np
import pytest

from osr_core.blockiness import CHANNELS, PERIOD, STRONGEST, blockiness

CELL = 64


def coded(image, quality):
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def strengths(image):
    """(16,) of an image in (H, W, BGR)."""
    planes = (image[..., ::-1].transpose(2, 0, 1)[None] / 255).astype(np.float32)
    result = blockiness(planes, CELL)
    assert result.dtype == np.float32
    assert result.shape == (1, CHANNELS, image.shape[0] // CELL, image.shape[1] // CELL)
    return result.mean((0, 2, 3))


@pytest.fixture(scope="module")
def photograph():
    image = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (264, 264, 3)).astype(float), (0, 0), 3.0
    )
    return np.clip(128 + 4 * (image - image.mean()), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5)])
def test_the_strongest_edges_are_those_between_the_blocks_of_jpeg(photograph, row, column):
    image = coded(photograph, 60)[row : row + 256, column : column + 256]
    columns, rows = strengths(image).reshape(2, PERIOD)
    assert (columns.argmax(), rows.argmax()) == ((7 - column) % PERIOD, (7 - row) % PERIOD)
    assert columns.max() > 1.5 * np.median(columns)


def test_without_jpeg_no_offset_stands_out(photograph):
    for part in strengths(photograph[:256, :256]).reshape(2, PERIOD):
        assert np.ptp(part) < 0.15 * part.mean()


def test_edges_of_the_scene_are_bounded():
    image = np.zeros((CELL, CELL, 3), np.uint8)
    image[:, 32:] = 255
    columns, rows = strengths(image).reshape(2, PERIOD)
    assert columns.max() == pytest.approx(STRONGEST * 255 / PERIOD)
    assert rows.max() == 0
