"""Published models in tiles: within one 8-bit level of the whole picture, everywhere."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from osr.images import read
from osr_core import restore
from osr_core.backend import is_installed
from osr_core.registry import registry
from osr_core.strips import Restoration
from osr_core.tiling import Tiling

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "examples" / "images"


def _pictures():
    """The degraded photographs of examples/: noise, rain, haze."""
    for path in sorted(IMAGES.iterdir()):
        yield path.stem, read(path).pixels[:448, :448, :3]


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("torch"), reason="torch is not installed")
@pytest.mark.parametrize("model", registry())
def test_tiles_are_within_one_level_of_the_whole(model):
    network = import_module("backends.torch").load(model, device="cpu")
    for name, pixels in _pictures():
        whole = restore(pixels, network, tile=0).astype(int)
        strips = list(Restoration(pixels, network, Tiling(area=256 * 256)))
        tiled = np.concatenate(strips).astype(int)
        assert np.abs(tiled - whole).max() <= 1, name
