"""Thumbnails and patches of whole images, and the amount of haze that thumbnails allow."""

import numpy as np
import pytest
from reference_network import ReferenceNetwork

from osr.degradations import haze
from osr_core import context
from osr_core.context import (
    AIRLIGHT,
    DARKEST_MAX,
    PATCH,
    SIDE,
    context_of,
    haze_amount,
    mosaic,
    patches,
    thumbnail,
)
from osr_core.pixels import pad_right, to_planes
from osr_core.spec import ModelSpec, UNet


def test_a_thumbnail_is_means_of_cells():
    image = np.random.default_rng(0).random((1, 3, 2 * SIDE, SIDE))
    cells = image.reshape(1, 3, SIDE, 2, SIDE).mean(3)
    assert np.allclose(thumbnail(image), cells)


def test_a_small_image_is_repeated():
    image = np.random.default_rng(0).random((1, 3, SIDE // 4, SIDE // 2))
    assert np.allclose(thumbnail(image)[..., ::4, ::2], image)


def test_patches_are_parts_of_the_image_on_the_grid_of_jpeg():
    rows, columns = np.mgrid[:500, :1000]
    image = np.stack((rows, columns, rows))[None].astype(float)
    parts = patches(mosaic(image))
    assert parts.shape == (16, 3, PATCH, PATCH)
    tops, lefts = parts[:, 0, 0, 0], parts[:, 1, 0, 0]
    assert not (tops % 8).any()
    assert not (lefts % 8).any()
    assert tops[::4].tolist() == [0, 144, 288, 432]
    assert lefts[:4].tolist() == [0, 312, 624, 936]
    for part, top, left in zip(parts, tops.astype(int), lefts.astype(int), strict=True):
        same = image[0, :, top : top + PATCH, left : left + PATCH]
        np.testing.assert_array_equal(part, same)


def test_the_mosaic_of_an_image_of_its_size_is_the_image():
    image = np.random.default_rng(0).random((2, 3, SIDE, SIDE))
    np.testing.assert_array_equal(mosaic(image), image)


@pytest.mark.parametrize("transmission", [0.95, 0.7, 0.4])
def test_the_darkest_pixel_gives_the_amount_of_even_haze(transmission):
    clear = np.random.default_rng(0).random((32, 48, 3), np.float32)
    clear[5, 7] = 0
    hazy = haze(clear, 1.0, -np.log(transmission), AIRLIGHT)
    small = thumbnail(hazy.transpose(2, 0, 1)[None])
    assert haze_amount(small).item() == pytest.approx(1 / transmission - 1, rel=1e-4)


def test_an_image_with_black_has_no_haze_and_white_paper_a_bounded_amount():
    black, paper = np.ones((2, 1, 3, SIDE, SIDE))
    black[0, 1, 0, 0] = -0.1  # noise may fall below
    assert haze_amount(black).item() == 0
    assert haze_amount(paper).item() == pytest.approx(DARKEST_MAX / (AIRLIGHT - DARKEST_MAX))


def test_a_fresh_network_removes_even_haze():
    network = ReferenceNetwork(ModelSpec(UNet((4, 6), 1, 4, "leaky", context=(4, 4))))
    clear = np.random.default_rng(0).random((32, 48, 3), np.float32)
    clear[5, 7] = 0
    hazy = haze(clear, 1.0, 0.6, AIRLIGHT)
    for name, value in network.values.items():  # the last layers, which start small
        value *= not name.startswith(("tail", "context_"))
    restored = network.predict(hazy.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)
    assert np.abs(hazy - clear).max() > 0.1
    assert np.abs(restored - clear).max() < 1e-4


@pytest.mark.parametrize("size", [(1, 1), (5, 700), (545, 40), (1500, 301)])
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("channels", [3, 6])
def test_the_context_of_rows_is_that_of_the_padded_whole(size, shape, channels, monkeypatch):
    image = np.random.default_rng(0).integers(0, 65536, (*size, *shape)).astype(np.uint16)
    height, width = (-(-side // 32) * 32 for side in size)
    whole = context_of(to_planes(pad_right(image, height, width)), channels)
    for pixels in (1 << 23, 1000):  # at once, and a few rows at a time
        monkeypatch.setattr(context, "_PIXELS", pixels)
        rows = context.context_of_rows(image, height, width, channels)
        np.testing.assert_allclose(rows, whole, atol=1e-6)


def test_weights_of_pixels_are_kept_for_two_sides_only():
    """Each takes 26 MB at 13,000 pixels; folders of pictures of all sizes would add up."""
    for side in range(300, 310):
        thumbnail(np.zeros((1, 1, side, side + 50), np.float32))
    assert context._cells.cache_info().currsize <= 2
