"""PSNR and SSIM against scikit-image and their formulas, under every protocol."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from osr.evaluation.metrics import Protocol, luma, psnr, psnr_and_ssim
from osr.images import to_levels
from osr_core.errors import ImageError, OptionError

PROTOCOLS = [
    Protocol(c, crop, quantised)
    for c in ("rgb", "y")
    for crop in (0, 3)
    for quantised in (True, False)
]


def reference(image, truth, protocol):
    """PSNR and SSIM by scikit-image, in float64, of the whole images at once."""
    crop = protocol.crop
    planes = []
    for picture in (image, truth):
        levels = np.asarray(picture, np.float64) * (1 if picture.dtype == np.uint8 else 255)
        levels = levels[crop : len(levels) - crop, crop : levels.shape[1] - crop]
        if protocol.quantised:
            levels = np.rint(levels.clip(0, 255))
        if protocol.channel == "y":
            levels = 16 + levels @ [65.481, 128.553, 24.966] / 255
            levels = (np.rint(levels) if protocol.quantised else levels)[..., None]
        planes.append(levels)
    return (
        peak_signal_noise_ratio(*planes, data_range=255),
        structural_similarity(*planes, data_range=255, channel_axis=2, gaussian_weights=True,
                              sigma=1.5, use_sample_covariance=False),
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(17, 19), (65, 500)])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
def test_figures_are_those_of_scikit_image(shape, protocol):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (*shape, 3), np.uint8)
    truth[:, : shape[1] // 2] = (250, 3, 120)  # flat: where differences cancel out
    image = truth / np.float32(255) + rng.normal(0, 0.02, truth.shape).astype(np.float32)
    expected = reference(image, truth, protocol)
    both = psnr_and_ssim(image, truth, protocol)
    assert both[0] == pytest.approx(expected[0], abs=1e-9)
    assert both[1] == pytest.approx(expected[1], abs=1e-9)
    assert both[0] == psnr(image, truth, protocol)


def test_luma_of_the_primaries_is_that_of_bt601():
    colours = [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    expected = [16, 81.481, 144.553, 40.966, 235]
    np.testing.assert_allclose(luma(np.array(colours, np.uint8)), expected, atol=1e-9)


def test_quantisation_clips_and_rounds():
    truth = np.ones((16, 16, 3), np.float32)
    assert psnr(truth + 0.3, truth) == math.inf
    assert psnr(truth - 0.001, truth) == math.inf
    assert psnr(truth + 0.1, truth, Protocol(quantised=False)) == pytest.approx(20, abs=1e-5)
    np.testing.assert_array_equal(to_levels(np.array([[[-1, 0.501, 2]]])), [[[0, 128, 255]]])


@pytest.mark.filterwarnings("error")
def test_equal_images_and_bytes_against_floats():
    truth = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    for image in (truth, truth / 255, (truth / np.float32(255)).astype(np.float32)):
        assert psnr_and_ssim(image, truth) == (math.inf, pytest.approx(1, abs=1e-6))


def test_protocols_are_read_and_printed():
    assert Protocol.parse("y,crop=2") == Protocol("y", 2)
    assert Protocol.parse("RGB, float", Protocol("y", 2)) == Protocol("rgb", 2, False)
    for protocol in PROTOCOLS:
        assert Protocol.parse(str(protocol)) == protocol
    for wrong in ("z", "crop=-1", "crop=", "y crop=2", ""):
        with pytest.raises(OptionError, match="none of rgb, y, crop=PIXELS"):
            Protocol.parse(wrong)
    for fields in ({"channel": "Y"}, {"crop": -1}, {"crop": 0.5}):
        with pytest.raises(OptionError, match=next(iter(fields))):
            Protocol(**fields)


@pytest.mark.parametrize("metric", [psnr, psnr_and_ssim])
@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros((20, 21, 3), np.uint8), "same shape"),
        (np.zeros((20, 20), np.uint8), r"result must have the shape \(H, W, 3\)"),
        (np.zeros((20, 20, 3), np.int64), "uint8"),
        (np.full((20, 20, 3), 255.0), "0 to 1"),
        (np.full((20, 20, 3), np.nan), "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(metric, result, message):
    with pytest.raises(ImageError, match=message):
        metric(result, np.zeros((20, 20, 3), np.uint8))


def test_too_small_after_cropping():
    small = np.zeros((14, 30, 3), np.uint8)
    assert psnr(small, small, Protocol(crop=6)) == math.inf
    with pytest.raises(ImageError, match="30×14"):
        psnr(small, small, Protocol(crop=7))
    assert psnr_and_ssim(small, small, Protocol(crop=1))[1] == pytest.approx(1)
    with pytest.raises(ImageError, match="11 a side"):
        psnr_and_ssim(small, small, Protocol(crop=2))


def test_import_is_light():
    code = (
        "import sys, osr.evaluation.metrics;"
        "assert not {'skimage', 'scipy', 'torch'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
