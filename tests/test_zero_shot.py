"""ZS-N2N, a network that is fitted to each image."""

import numpy as np
import pytest
import skimage.data

from osr.degradations import DEGRADATIONS, Chain
from osr.evaluation import zero_shot
from osr.evaluation.columns import Column
from osr.evaluation.metrics import psnr
from osr.evaluation.models import network_model
from osr.evaluation.zero_shot import PARAMETERS, ZERO_SHOT, zs_n2n
from osr.images import to_float
from osr_core.backend import is_installed
from osr_core.errors import PackageError

needs_torch = pytest.mark.skipif(not is_installed("torch"), reason="needs PyTorch")


@pytest.fixture
def noisy():
    clean = to_float(skimage.data.chelsea()[60:108, 200:248])
    return clean, Chain.parse("noise:25")(clean, np.random.default_rng(0))[0].clip(0, 1)


@needs_torch
def test_it_denoises_and_repeats_itself(noisy, monkeypatch):
    monkeypatch.setattr(zero_shot, "STEPS", 80)
    clean, image = noisy
    before = image.copy()
    first, again = zs_n2n(image), zs_n2n(image)
    assert np.array_equal(first, again)
    assert np.array_equal(image, before)
    assert psnr(first, clean) > psnr(image, clean) + 2


@needs_torch
def test_random_numbers_of_torch_are_left_alone(noisy, monkeypatch):
    import torch

    monkeypatch.setattr(zero_shot, "STEPS", 1)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    zs_n2n(noisy[1])
    assert torch.equal(torch.rand(1), expected)


@needs_torch
def test_halves_are_the_diagonals_of_blocks():
    import torch

    image = torch.arange(15.0).reshape(1, 1, 3, 5)  # the last row and column have no block
    rising, falling = zero_shot.halves(image)
    assert rising.tolist() == [[[[3.0, 5.0]]]]  # (1 + 5) / 2, (3 + 7) / 2
    assert falling.tolist() == [[[[3.0, 5.0]]]]  # (0 + 6) / 2, (2 + 8) / 2
    block = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])
    assert [half.item() for half in zero_shot.halves(block)] == [3.0, 4.5]


@needs_torch
@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3, 3), (5, 3, 3)])
def test_small_images(shape, monkeypatch):
    monkeypatch.setattr(zero_shot, "STEPS", 1)
    image = np.full(shape, 0.5, np.float32)
    result = ZERO_SHOT["zs-n2n"].restore(image)
    assert result.shape == shape
    assert np.isfinite(result).all()


@needs_torch
def test_it_is_a_row_where_the_degradation_is_noise():
    model = network_model("fitted=zs-n2n", load=lambda checkpoint: pytest.fail("has no weights"))
    assert (model.name, model.kind, model.parameters) == ("fitted", "zero-shot", PARAMETERS)
    assert set(model.seen) <= set(DEGRADATIONS)
    kinds = {"noise": True, "grey+camera_noise+jpeg": True, "haze": False, "none": False}
    for kind, fits in kinds.items():
        assert model.fits(Column("a column", "photographs", None, kind, "rgb", 1)) == fits


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(zero_shot, "find_spec", lambda name: None)
    with pytest.raises(PackageError, match=r"zs-n2n: needs torch; pip install 'osr\[torch\]'"):
        network_model("zs-n2n", load=lambda checkpoint: pytest.fail("has no weights"))
