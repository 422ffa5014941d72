import numpy as np
import pytest
from reference_network import ReferenceNetwork

from osr_core import restore
from osr_core.alpha import fill_hidden
from osr_core.errors import ImageError, OptionError, OutputError
from osr_core.spec import ModelSpec, UNet

SPEC = ModelSpec(UNet((4, 6), blocks=1))


@pytest.fixture(scope="module")
def network():
    return ReferenceNetwork(SPEC)


class Identity:
    spec = SPEC
    precision = "float32"

    def predict(self, images, context=None):
        return images


def _image(shape, dtype):
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 2), (9, 13, 3), (9, 13, 4), (1, 1, 3)])
def test_an_identity_changes_nothing(shape, dtype):
    image = _image(shape, dtype)
    before = image.copy()
    result = restore(image, Identity())
    assert result.dtype == image.dtype
    assert result is not image
    # float64 passes through the network's float32.
    np.testing.assert_allclose(result, image, atol=1e-7 if image.dtype.kind == "f" else 0)
    np.testing.assert_array_equal(image, before)


def test_alpha_is_carried_and_grey_is_what_equal_channels_give(network):
    grey = _image((16, 12), np.uint8)
    colour = restore(np.repeat(grey[..., None], 3, 2), network)
    np.testing.assert_allclose(restore(grey, network), colour.mean(2), atol=1)
    alpha = grey.clip(1)  # nothing hidden
    rgba = np.dstack((np.repeat(grey[..., None], 3, 2), alpha))
    result = restore(rgba, network)
    np.testing.assert_array_equal(result[..., 3], alpha)
    np.testing.assert_array_equal(result[..., :3], colour)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [2, 4])
def test_hidden_colours_stay_and_do_not_influence_visible_ones(network, dtype, channels):
    image = _image((24, 31, channels), dtype)
    image[..., -1] = image[..., -1].max()
    image[4:20, 9:, -1] = 0
    other = image.copy()
    other[4:20, 9:, 0] = 0  # say, magenta
    one, two = restore(image, network), restore(other, network)
    hidden = image[..., -1] == 0
    np.testing.assert_array_equal(one[~hidden], two[~hidden])
    np.testing.assert_array_equal(one[hidden], image[hidden])
    np.testing.assert_array_equal(two[hidden], other[hidden])
    np.testing.assert_array_equal(one[..., -1], image[..., -1])
    assert not np.array_equal(one[~hidden], image[~hidden])


def test_hidden_pixels_are_filled_from_near_visible_ones():
    colour = np.full((37, 50, 3), 200, np.uint8)
    colour[:, 25:] = 90
    hidden = np.zeros((37, 50), bool)
    hidden[3:30, 30:45] = hidden[5:15, 2:12] = True
    seen = np.where(hidden[..., None], 7, colour)
    np.testing.assert_array_equal(fill_hidden(seen, hidden), colour)
    assert (fill_hidden(seen, np.ones_like(hidden)) == 0).all()
    np.testing.assert_array_equal(fill_hidden(seen, np.zeros_like(hidden)), seen)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_not_finite_is_an_error(value):
    class Broken(Identity):
        def predict(self, images, context=None):
            result = images.copy()
            result[..., -1, -1] = value
            return result

    with pytest.raises(OutputError, match="not finite .* in float32; "):
        restore(_image((16, 16, 3), np.uint8), Broken())


def test_running_out_of_memory_is_left_to_the_caller():
    class Large(Identity):
        def predict(self, images, context=None):
            raise MemoryError

    with pytest.raises(MemoryError):
        restore(_image((8, 8, 3), np.uint8), Large())


def test_16_bits_are_not_8(network):
    image = _image((16, 16, 3), np.uint16)
    result = restore(image, network)
    as_float = restore((image / 65535).astype(np.float32), network)
    np.testing.assert_allclose(result / 65535, as_float, atol=1.1 / 65535)


def test_progress_adds_up_to_one(network):
    shares = []
    restore(_image((80, 90, 3), np.uint8), network, tile=64, on_progress=shares.append)
    assert len(shares) > 1
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(
    "image",
    [
        [[1, 2], [3, 4]],
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.full((4, 4, 3), np.nan, np.float32),
    ],
)
def test_what_is_no_image(image, network):
    with pytest.raises(ImageError, match=r"^image: "):
        restore(image, network)


def test_a_negative_tile(network):
    with pytest.raises(OptionError, match="tile -1"):
        restore(_image((8, 8, 3), np.uint8), network, tile=-1)
