"""Large images in bounded memory."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from osr.images import Picture, read, stream, write
from osr_core import restore
from osr_core.analysis import analyse
from osr_core.backend import is_installed
from osr_core.context import context_of
from osr_core.registry import default_model
from osr_core.tiling import default_area, spans, tile_sides

ROOT = Path(__file__).resolve().parent.parent
HEIGHT, WIDTH = 3000, 4000
TOP, LEFT = 832, 1216
"""Of a part that is also restored in one piece."""
LIMIT = 2**30

PROGRAM = """
import sys
from pathlib import Path
from osr.cli import cli
{before}
status = cli.main(sys.argv[1:], standalone_mode=False)
# Not ru_maxrss, which starts at what the process had that started this one.
peak = next(l for l in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in l)
print(int(peak.split()[1]) * 1024)
sys.exit(status)
"""

IDENTITY = """
import osr.restorer
from osr_core.spec import ModelSpec, UNet
class Identity:
    spec, precision, overlap = ModelSpec(UNet((4, 6), 1)), "float32", 8
    def predict(self, images, context=None):
        return images
assert callable(osr.restorer.load_network)
osr.restorer.load_network = lambda *options: Identity()
"""


def _restore(source, target, *options, before=""):
    """Restore in a process of its own, and return the most memory it took."""
    program = PROGRAM.replace("{before}", before)
    run = subprocess.run(
        [sys.executable, "-c", program, "restore", str(source), "-o", str(target), "--json",
         *options],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return int(run.stdout.split()[-1])


class WithContext:
    """A network whose context is always that of the whole image."""

    def __init__(self, network, context):
        self.network, self.context = network, context
        self.spec, self.precision = network.spec, network.precision
        self.overlap = network.overlap

    def predict(self, images, context=None):
        return self.network.predict(images, self.context)


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("torch"), reason="torch is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is on Linux alone")
def test_12_megapixels_in_bounded_memory_without_seams(tmp_path):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    smooth = 0.5 + 0.4 * np.sin(rows / 97) * np.cos(columns / 131)
    noise = np.random.default_rng(0).normal(0, 0.06, (HEIGHT, WIDTH, 3)).astype(np.float32)
    pixels = ((smooth[..., None] + noise).clip(0, 1) * 255).astype(np.uint8)
    write(tmp_path / "in.jpg", Picture(pixels))
    peak = _restore(tmp_path / "in.jpg", tmp_path / "out.png", "--backend", "torch")
    assert peak < LIMIT, f"{peak / 2**30:.2f} GiB"
    restored = read(tmp_path / "out.png").pixels
    # Seams run through this part of the picture; done in one piece, it has none.
    network = import_module("backends.torch").load(default_model(), device="cpu")
    info = analyse(network.spec)
    multiple = info.total_stride
    assert (TOP % multiple, LEFT % multiple) == (0, 0)
    part = np.s_[TOP:, LEFT:]
    side = 1536
    picture = read(tmp_path / "in.jpg").pixels
    source = picture[part][:side, :side]
    rim = (0, -HEIGHT % multiple), (0, -WIDTH % multiple), (0, 0)
    padded = np.pad(picture, rim, mode="reflect")
    planes = np.moveaxis(padded[None].astype(np.float32) / 255, 3, 1)
    channels = info.context_channels
    network = WithContext(network, context_of(planes, channels) if channels else None)
    inside = np.s_[info.halo : -info.halo, info.halo : -info.halo]
    whole = restore(source, network, tile=0)[inside].astype(int)
    assert np.abs(restored[part][:side, :side][inside] - whole).max() <= 1
    factor = network.network.memory_factor
    area = default_area(factor * info.peak_values, network.overlap)
    sides = tile_sides(*padded.shape[:2], area, network.overlap, multiple)
    cuts = {row.valid_start for row in spans(padded.shape[0], sides[0], network.overlap, multiple)}
    top = TOP + info.halo
    assert any(top < cut < top + whole.shape[0] for cut in cuts)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is on Linux alone")
def test_a_tiff_takes_memory_for_a_few_strips_only(tmp_path):
    block = np.random.default_rng(0).integers(0, 4, (250, 2000, 3), np.uint8)
    shape = (64_000, 2000, 3)
    like = Picture(np.broadcast_to(np.uint8(0), shape))
    write(tmp_path / "in.tif", like, strips=(block for _ in range(shape[0] // len(block))))
    peak = _restore(tmp_path / "in.tif", tmp_path / "out.tif", before=IDENTITY)
    bytes_of_pixels = np.prod(shape)
    assert peak < bytes_of_pixels, f"{peak / 2**20:.0f} MiB"
    restored = stream(tmp_path / "out.tif").pixels
    for top in (0, 30_000, shape[0] - len(block)):
        np.testing.assert_array_equal(restored[top : top + len(block)], block)
