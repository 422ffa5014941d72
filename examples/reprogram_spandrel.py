"""Reprogram a network that spandrel knows, as ComfyUI and chaiNNer load it.

    python examples/reprogram_spandrel.py [FILE]

FILE is a weight file (.pth, .safetensors) of a restoration or super-resolution network. Without
one, a small Real-ESRGAN Compact for ×2 with random weights takes its place, so that the program
runs in seconds and shows the steps, not a gain. The network is frozen; the transforms around it are
trained on haze from a recipe. The result holds the transforms, the name of FILE and its SHA-256.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data

import osr
from osr.degradations import Chain
from osr.evaluation.metrics import psnr
from osr.images import Picture, write
from osr_core import restore

RECIPE = """
steps = 20
batch_size = 4
crop_size = 48
sampling_weights = {{ haze = 1.0 }}
validation.samples = 0
optimizer = {{ kind = "adam", lr = 1e-2 }}
data.photographs = "{photographs}"

[spec]
backbone = "spandrel:{network}"
frozen = true
input_transform = {{ channels = 3, layout = "shared" }}  # the network takes RGB
output_transform = {{ channels = 16 }}
"""


def main(network: str | None = None) -> None:
    """Train from a recipe, load, restore, export."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        file = Path(network) if network else small_network(folder / "compact.pth")
        (folder / "photographs").mkdir()
        for photograph in ("chelsea", "coffee"):
            pixels = getattr(skimage.data, photograph)()
            write(folder / "photographs" / f"{photograph}.png", Picture(pixels))
        recipe = folder / "recipe.toml"
        photographs = (folder / "photographs").as_posix()
        recipe.write_text(RECIPE.format(photographs=photographs, network=file.as_posix()), "utf-8")
        done = osr.train(recipe, folder / "run", backend="torch", device="cpu", workers=0)
        print(f"{done.model.name}: {done.model.stat().st_size:,} bytes beside {file.name}")

        clean = skimage.data.astronaut()[:128, 160:288].astype(np.float32) / 255
        hazy, _ = Chain.parse("haze")(clean, np.random.default_rng(0))
        restored = restore(hazy, osr.load_network(done.model, "torch", "cpu"))
        print(f"haze: {psnr(hazy, clean):.1f} dB, restored: {psnr(restored, clean):.1f} dB")
        exported = osr.export(done.model, folder / "reprogrammed.pt2")
        print(f"{Path(exported.output).name}: differs by {exported.difference:.0e}")


def small_network(path: Path) -> Path:
    """A state dict as training programs save it, of the architecture of realesr-general-x4v3."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, 1, 1), nn.PReLU(8), nn.Conv2d(8, 8, 3, 1, 1), nn.PReLU(8)]
    body = nn.ModuleList([*layers, nn.Conv2d(8, 3 * 2**2, 3, 1, 1)])
    state = {f"body.{name}": tensor for name, tensor in body.state_dict().items()}
    torch.save({"params": state}, path)
    return path


if __name__ == "__main__":
    main(*sys.argv[1:])
