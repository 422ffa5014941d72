"""The phase of JPEG's and other grids in what a network is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from degradation_images import RANDOM
from training_runs import make_samples

from osr.degradations import Chain
from osr.training.grids import ALIGNED, degrade_crop

MARGIN = 12


@dataclass
class Coordinates:
    """In place of a chain: its result shows the place of each pixel on the grid."""

    grid: int

    def __call__(self, image, rng, depth, ranges):
        assert all(side % self.grid == 0 for side in image.shape[:2])
        y, x = np.mgrid[: image.shape[0], : image.shape[1]] % self.grid
        return np.stack([y, x], axis=2), image


@pytest.mark.parametrize("period", [12, 16, 48])
def test_grids_mostly_begin_at_the_corner_and_else_anywhere(period):
    rng, phases = np.random.default_rng(0), []
    for _ in range(1500):
        places, target = degrade_crop(Coordinates(period), RANDOM, rng, MARGIN)
        np.testing.assert_array_equal(target, RANDOM)
        phases.append(places[MARGIN, MARGIN])
    phases = np.array(phases)
    aligned = (phases == 0).all(axis=1)
    assert aligned.mean() == pytest.approx(ALIGNED + (1 - ALIGNED) / period**2, abs=0.04)
    others = np.bincount(phases[~aligned].ravel(), minlength=period) / phases[~aligned].size
    assert others.min() > 0.4 / period
    assert others.max() < 1.8 / period


def test_what_leaves_no_grid_is_as_before():
    chain = Chain.parse("rain+noise")
    expected, _ = chain(RANDOM, np.random.default_rng(0))
    result, _ = degrade_crop(chain, RANDOM, np.random.default_rng(0), MARGIN)
    np.testing.assert_array_equal(result, expected)


def test_haze_before_jpeg_follows_its_depth():
    crop = np.full((40, 40, 3), 0.1, np.float32)
    depth = np.linspace(0.1, 2, 40, dtype=np.float32)[:, None].repeat(40, 1)
    for seed in range(9):
        rng = np.random.default_rng(seed)
        hazy, _ = degrade_crop(Chain.parse("haze:1+jpeg:98"), crop, rng, MARGIN, depth)
        plain, _ = Chain.parse("haze:1")(crop, rng, depth)
        np.testing.assert_allclose(hazy, plain, atol=0.03)


def block_phase(crop):
    """Where the edges of JPEG's blocks are among the columns and rows of a (3, H, W) crop."""
    grey = crop.mean(0)
    energy = [np.abs(np.diff(grey, axis=axis)).mean(1 - axis) for axis in (0, 1)]
    return tuple((int(np.argmax([e[k::8].mean() for k in range(8)])) + 1) % 8 for e in energy)


@pytest.mark.parametrize("kind", ["jpeg", "pairs"])
def test_the_phases_of_jpeg_as_they_arrive_in_training(tmp_path, kind):
    """In release 0.1.0 they were 4 always, and of pairs anything, 0 as seldom as the others."""
    rng = np.random.default_rng(0)
    clean, gt, degraded = (tmp_path / name for name in ("clean", "pairs/gt", "pairs/input"))
    for folder in (clean, gt, degraded):
        folder.mkdir(parents=True)
    for index in range(3):
        blobs = cv2.GaussianBlur(rng.random((200, 200, 3)), (0, 0), 6)
        pixels = np.rint(255 * (blobs - blobs.min()) / np.ptp(blobs)).astype(np.uint8)
        cv2.imwrite(str(clean / f"{index}.png"), pixels)
        cv2.imwrite(str(gt / f"{index}.png"), pixels)
        cv2.imwrite(str(degraded / f"{index}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, 12])
    samples = make_samples(
        tmp_path,
        data={"photographs": str(clean), "pairs": str(tmp_path / "pairs")},
        sampling_weights={kind: 1.0},
        degradations={"jpeg": {"quality": (12.0, 12.0)}},
        crop_size=64,
        batch_size=1,
    )
    phases = [block_phase(samples.sample(0, index)[0]) for index in range(300)]
    assert np.mean([phase == (0, 0) for phase in phases]) == pytest.approx(ALIGNED, abs=0.1)
    others = np.array([phase for phase in phases if phase != (0, 0)])
    for axis in (0, 1):
        assert set(others[:, axis]) == set(range(8))
