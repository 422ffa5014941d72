from types import SimpleNamespace

import numpy as np
import pytest
from reference_network import ReferenceNetwork

from osr.memory import tile_area
from osr_core import restore
from osr_core.analysis import analyse
from osr_core.context import thumbnail
from osr_core.errors import OptionError
from osr_core.spec import (
    GridDehaze,
    InputTransform,
    ModelSpec,
    OutputTransform,
    Residual,
    UNet,
)
from osr_core.strips import Restoration
from osr_core.tiling import Tiling, default_area, spans, tile_sides


def test_each_pixel_is_valid_in_one_tile_and_further_than_the_overlap_from_its_edges():
    rng = np.random.default_rng(0)
    for _ in range(500):
        stride = int(rng.choice([1, 2, 8, 32]))
        overlap = int(rng.integers(0, 40))
        length = int(rng.integers(1, 60)) * stride
        tile = 2 * (overlap + stride) + stride + int(rng.integers(0, 60))
        first = int(rng.integers(0, length))
        found = spans(length, tile, overlap, stride, first)
        edges = [first, *(span.valid_stop for span in found)]
        assert edges == [*(span.valid_start for span in found), length]
        assert len({span.stop - span.start for span in found}) == 1
        for span in found:
            assert span.stop - span.start <= tile
            assert span.start % stride == 0
            assert 0 <= span.start <= span.valid_start < span.valid_stop <= span.stop <= length
            assert span.start == 0 or span.valid_start - span.start >= overlap
            assert span.stop == length or span.stop - span.valid_stop >= overlap


def test_too_small_a_tile_names_the_least():
    with pytest.raises(OptionError, match="at least 48"):
        spans(104, 40, 20, 8)
    assert spans(1000, 48, 20, 8)


def test_two_tiles_share_twice_the_overlap_in_whole_strides():
    # With a stride of 64 and an overlap of 96, 192 pixels and not 256.
    one, other = spans(1024, 640, 96, 64)
    assert (one.tile, other.tile) == (slice(0, 640), slice(384, 1024))
    assert one.valid_stop == 512
    one, other = spans(960, 608, 96, 64)
    assert (one.stop - other.start, one.valid_stop - other.start) == (192, 96)


@pytest.mark.parametrize("overlap", [0, 40, 64, 304])
def test_sides_of_tiles_fit_the_area_and_compute_little(overlap):
    for height, width in ((3008, 4000), (4000, 3008), (64, 100_000), (8, 8)):
        sides = tile_sides(height, width, 768 * 768, overlap, 8)
        assert sides[0] * sides[1] <= max(768 * 768, (2 * overlap + 8) ** 2)
        rows, columns = (
            spans(length, side, overlap, 8)
            for length, side in zip((height, width), sides, strict=True)
        )
        computed = len(rows) * len(columns) * sides[0] * sides[1]
        square = (1 - 2 * overlap / 768) ** -2 if overlap < 304 else 25
        assert computed <= 1.05 * square * height * width


SPECS = {
    "residual": ModelSpec(Residual((2, 3, 3, 3, 2))),
    "griddehaze": ModelSpec(GridDehaze(depth_rate=2, growth=2, dense_layers=1, width=4)),
    "unet": ModelSpec(
        UNet((4, 6), blocks=1), InputTransform(2, 3), OutputTransform(4, residual=True)
    ),
    "unet with context": ModelSpec(UNet((4, 6), blocks=1, context=(4,))),
}


@pytest.mark.parametrize("kind", SPECS)
def test_tiles_equal_the_whole(kind):
    spec = SPECS[kind]
    network = ReferenceNetwork(spec)
    # Off the size multiple, so that padding takes part.
    image = np.random.default_rng(0).random((131, 101, 3), np.float32)
    whole = restore(image, network, tile=0)
    tile = 2 * analyse(spec).halo + 24
    network.shapes.clear()
    tiled = restore(image, network, tile=tile)
    assert len(network.shapes) > 1
    assert len(set(network.shapes)) == 1
    assert np.abs(tiled - whole).max() <= 1e-5


def test_a_tile_uses_the_context_that_is_given():
    spec = SPECS["unet with context"]
    network, image = ReferenceNetwork(spec), np.zeros((1, 3, 64, 64), np.float32)
    image[..., 32:] = 1
    network.values["context_gate.weight"][:] = 1
    whole = network.predict(image, thumbnail(image))
    assert np.array_equal(network.predict(image), whole)
    alone = network.predict(image[..., 32:])
    assert np.abs(alone - network.predict(image[..., 32:], thumbnail(image))).max() > 1e-3


def test_a_pooling_network_is_not_tiled():
    spec = ModelSpec(UNet((4,)), InputTransform(2), OutputTransform(4, gates="pooled"))
    network, image = ReferenceNetwork(spec), np.zeros((40, 40, 3), np.float32)
    with pytest.raises(OptionError, match="depends on the whole image"):
        restore(image, network, tile=32)
    assert restore(image, network, tile=0).shape == image.shape


class Cut:
    """A network that depends on everything up to ``reach`` pixels away, weakly but for ``near``."""

    spec = ModelSpec(Residual((2, 3, 3, 3, 2)))  # a halo of 30
    precision = "float32"

    def __init__(self, reach, overlap):
        self.reach, self.overlap = reach, overlap
        self.shapes = []

    def predict(self, images, context=None):
        self.shapes.append(images.shape)
        sums = images.cumsum(3)
        padded = np.pad(sums, ((0, 0), (0, 0), (0, 0), (self.reach + 1, self.reach)), "edge")
        padded[..., : self.reach + 1] = 0
        around = padded[..., 2 * self.reach + 1 :] - padded[..., : -2 * self.reach - 1]
        return (around / (2 * self.reach + 1)).astype(np.float32)


def test_an_overlap_that_is_too_small_is_noticed_where_tiles_meet():
    image = np.random.default_rng(0).random((64, 300, 3), np.float32)
    whole = restore(image, Cut(24, 8), tile=0)
    network = Cut(24, 8)
    assert np.abs(restore(image, network, tile=100) - whole).max() < 1e-4
    forced = restore(image, Cut(24, 8), tile=100, overlap=8)
    assert np.abs(forced - whole).max() > 1 / 255
    enough = Cut(4, 8)
    restore(image, enough, tile=100)
    assert len(enough.shapes) < len(network.shapes)
    exact = Cut(4, 8)
    restore(image, exact, tile=100, overlap="exact")
    assert len(exact.shapes) > len(enough.shapes)


def tiles(image, network, **options):
    """How many were computed, and the result."""
    result = restore(image, network, tile=100, **options)
    return len(network.shapes), result


def test_a_larger_overlap_is_for_the_strips_that_need_it():
    image = np.random.default_rng(0).random((900, 300, 3), np.float32)
    image[30:] /= 10_000
    count, result = tiles(image, Cut(24, 8))
    assert np.abs(result - restore(image, Cut(24, 8), tile=0)).max() < 1e-4
    least, most = (tiles(image, Cut(24, 8), overlap=overlap)[0] for overlap in (8, 30))
    assert least < count < most


def test_an_overlap_that_failed_twice_is_not_tried_again():
    image = np.random.default_rng(0).random((900, 300, 3), np.float32)
    count, result = tiles(image, Cut(24, 8))
    assert np.abs(result - restore(image, Cut(24, 8), tile=0)).max() < 1e-4
    everywhere = tiles(image, Cut(24, 8), overlap=30)[0]
    assert everywhere < count <= everywhere + 20


def test_an_overlap_of_nothing_is_verified_too():
    image = np.random.default_rng(0).random((64, 300, 3), np.float32)
    whole = restore(image, Cut(24, 0), tile=0)
    assert np.abs(restore(image, Cut(24, 0), tile=100) - whole).max() < 1e-4


def test_without_a_measured_overlap_the_halo_is_used():
    image = np.zeros((64, 300, 3), np.float32)
    unknown, exact = Cut(4, None), Cut(4, 8)
    restore(image, unknown, tile=100)
    restore(image, exact, tile=100, overlap="exact")
    assert unknown.shapes == exact.shapes


class Small(Cut):
    """A network on a device whose memory suffices for few pixels."""

    def __init__(self, pixels):
        super().__init__(4, 8)
        self.pixels = pixels

    def predict(self, images, context=None):
        if images[0, 0].size > self.pixels:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return super().predict(images, context)


def test_tiles_are_halved_where_the_memory_of_a_device_does_not_suffice():
    image = np.random.default_rng(0).random((200, 300, 3), np.float32)
    tiling = Tiling(200)
    strips = list(Restoration(image, Small(120 * 120), tiling))
    assert np.abs(np.concatenate(strips) - restore(image, Cut(4, 8), tile=0)).max() < 1e-4
    assert "out of memory; continued with tiles of" in tiling.note
    again = Small(120 * 120)
    for _ in Restoration(image, again, tiling):
        pass
    assert tiling.side <= 120, "the next image starts with them"
    with pytest.raises(RuntimeError, match="out of memory"):
        list(Restoration(image, Small(10), Tiling(200)))


def test_equal_tiles_are_computed_once():
    blank = np.full((300, 400, 3), 200, np.uint8)
    count, result = tiles(blank, Cut(4, 8))
    assert count == 1
    np.testing.assert_array_equal(result, restore(blank, Cut(4, 8), tile=0))
    blank[150, 200] = 0
    count, result = tiles(blank, Cut(4, 8))
    assert count > 1
    np.testing.assert_array_equal(result, restore(blank, Cut(4, 8), tile=0))


def test_one_more_column_of_tiles_may_compute_less():
    # With a total stride of 64 four columns need 8 × 1536 × 1216 pixels, five 10 × 1536 × 960.
    assert tile_sides(2880, 4288, 2_100_000, 64, 64) == (1536, 960)


def test_strips_come_from_top_to_bottom_and_are_not_the_whole():
    image = np.random.default_rng(0).integers(0, 256, (300, 90, 4), np.uint8)
    strips = list(Restoration(image, Cut(4, 8), Tiling(100)))
    assert len(strips) > 3
    np.testing.assert_array_equal(np.concatenate(strips)[..., 3], image[..., 3])


def test_strips_of_an_image_read_by_rows_take_memory_as_high_as_tiles():
    row, free, network = 30_000 * 3, 1 << 30, Cut(4, 8)
    network.spec, network.memory_factor = ModelSpec(UNet((8, 8), 1)), 1
    image = SimpleNamespace(shape=(10**6, 30_000, 3), dtype=np.dtype(np.uint8))
    alone, beside = tile_area(network, free), tile_area(network, free, image)
    pictures = 3 * 2 * row * beside**0.5  # two strips each of one read, computed and written
    assert beside < alone
    assert free * beside / alone + pictures == pytest.approx(free, rel=1e-3)


def test_default_tiles_are_smaller_in_a_framework_that_takes_more_memory():
    image = np.zeros((2000, 3000, 3), np.uint8)
    image[:, ::7] = 255
    spec = ModelSpec(UNet((80, 80), 1))
    area = default_area(analyse(spec).peak_values, 8)
    for factor in (1, 2):
        network = Cut(4, 8)
        network.spec, network.memory_factor = spec, factor
        list(Restoration(image, network, Tiling()))
        largest = max(height * width for _, _, height, width in network.shapes)
        assert 0.7 * area / factor < largest <= area / factor
