"""Measure what tiles and bfloat16 cost published models, and store it in their files.

    python tools/measure_models.py osr-denoise

Overlap: a picture is restored whole and cut in two. The difference to the whole picture shrinks
with the distance from the cut; the overlap is the smallest multiple of half the total stride beyond
which it stays within half a level of 8 bit, on two of three pictures that the model changes. The
others are recognised when tiles meet (osr_core/strips.py). bfloat16: the mean PSNR, against the
clean pictures, that it loses next to float32. Pictures are those of scikit-image, clean and
degraded. The tensors of a file do not change; its hash in registry.json does.
"""

from __future__ import annotations

import json
from dataclasses import replace

import click
import numpy as np
import skimage.data
from numpy.typing import NDArray

from backends import get_backend
from osr.cli import run
from osr.degradations import Chain
from osr_core import strips
from osr_core.analysis import analyse
from osr_core.backend import Network
from osr_core.checkpoint import Checkpoint
from osr_core.context import context_of
from osr_core.errors import DeviceError
from osr_core.registry import FOLDER, registry

SIDE = 384
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea")
DEGRADATIONS = (
    None, "noise:15", "noise:40", "rain", "haze", "blur:2", "jpeg:40", "low_resolution:2",
)  # fmt: skip
TOLERANCE = strips.TOLERANCE / 2
"""Half a level of 8 bit: longer seams cross more of a picture."""
SHARE = 2 / 3
"""Of the pictures that the overlap suffices for."""

Planes = NDArray[np.float32]


@click.command(help=__doc__)
@click.argument("models", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Print only.")
def main(models: tuple[str, ...], dry_run: bool) -> None:
    """Measure each model, all published ones by default."""
    pairs = list(_pairs())
    for name in models or registry():
        measured = {"overlap": float(overlap(_load(name, "float32"), pairs))}
        try:
            measured["bfloat16"] = round(bfloat16_cost(name, pairs), 4)
        except DeviceError as error:
            print(f"{name}: {error}")
        print(f"{name}: {measured}", flush=True)
        if not dry_run:
            store(name, measured)


def overlap(network: Network, pairs: list[tuple[Planes, Planes]]) -> int:
    """Pixels by which tiles should overlap; see the docstring of the module."""
    info = analyse(network.spec)
    found = [_distance(network, image, info.context_channels) for _, image in pairs]
    changed = [distance for distance in found if distance] or [1]
    enough = int(np.quantile(changed, SHARE, method="higher"))
    unit = max(1, info.total_stride // 2)  # two tiles share whole strides
    return min(-(-enough // unit) * unit, info.halo)


def _distance(network: Network, image: Planes, channels: int) -> int:
    """Pixels from a cut beyond which it does not matter."""
    found = 0
    for turned in (image, np.flip(image.swapaxes(2, 3), 3).copy()):
        context = context_of(turned, channels).astype(np.float32) if channels else None
        whole = network.predict(turned, context)[..., : SIDE // 2].clip(0, 1)
        part = network.predict(turned[..., : SIDE // 2], context).clip(0, 1)
        worst = np.abs(part - whole).max((0, 1, 2))[::-1]  # by distance from the cut
        found = max(found, *(np.flatnonzero(worst > TOLERANCE) + 1), 0)
    return found


def bfloat16_cost(name: str, pairs: list[tuple[Planes, Planes]]) -> float:
    """Mean decibels that bfloat16 loses."""
    exact, fast = (_load(name, precision) for precision in ("float32", "bfloat16"))
    losses = [
        _psnr(exact.predict(image), clean) - _psnr(fast.predict(image), clean)
        for clean, image in pairs
    ]
    return float(np.mean(losses))


def store(name: str, measured: dict[str, float]) -> None:
    """Write what was measured into the file of a published model."""
    entry = registry()[name]
    replace(Checkpoint.load(entry.path), measured=measured).save(entry.path)
    path = FOLDER / "registry.json"
    hashes = path.read_text("utf-8").replace(entry.sha256, Checkpoint.load(entry.path).sha256)
    json.loads(hashes)
    path.write_text(hashes, "utf-8")


def _load(name: str, precision: str) -> Network:
    network: Network = get_backend("torch").load(name, "cpu", precision)
    return network


def _pairs() -> list[tuple[Planes, Planes]]:
    """Clean and degraded pictures, (1, 3, SIDE, SIDE)."""
    pairs = []
    for photograph in PHOTOGRAPHS:
        pixels = getattr(skimage.data, photograph)()
        clean = pixels[:SIDE, :SIDE]
        down, right = SIDE - clean.shape[0], SIDE - clean.shape[1]
        clean = np.pad(clean, ((0, down), (0, right), (0, 0)), "reflect")
        image = clean.astype(np.float32) / np.float32(255)
        for number, text in enumerate(DEGRADATIONS):
            rng = np.random.default_rng(number)
            other = image if text is None else Chain.parse(text)(image, rng, None)[0]
            pairs.append((_planes(image), _planes(other)))
    return pairs


def _planes(image: Planes) -> Planes:
    return np.moveaxis(image, 2, 0)[None]


def _psnr(image: Planes, clean: Planes) -> float:
    return float(-10 * np.log10(max(((image.clip(0, 1) - clean) ** 2).mean(), 1e-10)))


if __name__ == "__main__":
    run(main)
