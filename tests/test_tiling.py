import numpy as np
import pytest
from reference_network import ReferenceNetwork

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
from osr_core.tiling import tiles


def test_each_pixel_is_valid_in_one_tile_and_further_than_the_halo_from_its_edges():
    rng = np.random.default_rng(0)
    for _ in range(200):
        stride = int(rng.choice([1, 2, 4, 8]))
        halo = int(rng.integers(0, 20))
        height, width = (int(n) * stride for n in rng.integers(1, 40, 2))
        tile = 2 * (halo + stride) + stride + int(rng.integers(0, 60))
        count = np.zeros((height, width), int)
        sizes = set()
        for pair in tiles(height, width, tile, halo, stride):
            count[pair[0].valid, pair[1].valid] += 1
            sizes.add(tuple(span.stop - span.start for span in pair))
            for span, length in zip(pair, (height, width), strict=True):
                assert span.start % stride == 0
                assert 0 <= span.start <= span.valid_start < span.valid_stop <= span.stop <= length
                assert span.start == 0 or span.valid_start - span.start >= halo
                assert span.stop == length or span.stop - span.valid_stop >= halo
        assert (count == 1).all()
        assert len(sizes) == 1
        assert max(sizes.pop()) <= tile


def test_too_small_a_tile_names_the_least():
    with pytest.raises(OptionError, match="at least 56"):
        list(tiles(100, 100, 40, 20, 8))
    assert tiles(1000, 1000, 56, 20, 8)


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
