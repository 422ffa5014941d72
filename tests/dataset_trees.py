"""Data sets of a few pixels, in the layouts in which the real ones are distributed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from osr.images import Picture, write

DEGRADATION = 96
"""What is added to the grey of an image that is not clear."""


def paint(path: Path, grey: int, width: int = 12, height: int = 8) -> Path:
    """A grey image, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Picture(np.full((height, width, 3), grey, np.uint8)))
    return path


def paint_halves(path: Path, left: int, right: int) -> Path:
    """An image whose halves differ."""
    pixels = np.full((8, 24, 3), left, np.uint8)
    pixels[:, 12:] = right
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Picture(pixels))
    return path


def paint_pairs(root: Path, pairs: dict[str, str]) -> Path:
    """Degraded files → clear files; each clear one has a grey of its own."""
    greys = {truth: 4 * (1 + n) for n, truth in enumerate(dict.fromkeys(pairs.values()))}
    for degraded, truth in pairs.items():
        paint(root / truth, greys[truth])
        paint(root / degraded, greys[truth] + DEGRADATION)
    return root


PAIRS: dict[str, tuple[str, str, dict[str, str], list[str]]] = {
    "Rain100L, first version": (
        "rain100l", "test",
        {"rainy/rain-001.png": "norain-001.png", "rainy/rain-002.png": "norain-002.png"},
        ["rain-001", "rain-002"],
    ),
    "Rain100H, rain and norain": (
        "rain100h", "test",
        {"rain/rain-001.png": "norain/norain-001.png",
         "rain/rain-010.png": "norain/norain-010.png"},
        ["rain-001", "rain-010"],
    ),
    "Rain100L, later version": (
        "rain100l", "test",
        {"rain_data_test_Light/rain/X2/norain-001x2.png":
         "rain_data_test_Light/norain/norain-001.png"},
        ["norain-001x2"],
    ),
    "RainTrainL, all in one folder": (
        "rain100l", "train",
        {"RainTrainL/rain-1.png": "RainTrainL/norain-1.png",
         "RainTrainL/rain-11.png": "RainTrainL/norain-11.png"},
        ["rain-1", "rain-11"],
    ),
    "RainTrainH": (
        "rain100h", "train",
        {"rain_data_train_Heavy/rain/X2/norain-1x2.png":
         "rain_data_train_Heavy/norain/norain-1.png"},
        ["norain-1x2"],
    ),
    "Rain1400, one clear image to many": (
        "rain1400", "test",
        {f"testing/rainy_image/{n}_{k}.jpg": f"testing/ground_truth/{n}.jpg"
         for n in (1, 11) for k in (1, 2, 14)},
        ["11_1", "11_14", "11_2", "1_1", "1_14", "1_2"],
    ),
    "ITS": (
        "reside-its", "train",
        {"ITS_v2/hazy/1_1_0.90179.png": "ITS_v2/clear/1.png",
         "ITS_v2/hazy/10_2_0.8.png": "ITS_v2/clear/10.png"},
        ["10_2_0.8", "1_1_0.90179"],
    ),
    "OTS in several folders": (
        "reside-ots", "train",
        {"OTS/hazy/part1/0001_0.8_0.04.jpg": "OTS/clear/0001.jpg",
         "OTS/hazy/part2/0002_1_0.2.jpg": "OTS/clear/0002.jpg"},
        ["part1/0001_0.8_0.04", "part2/0002_1_0.2"],
    ),
    "SOTS indoor": (
        "sots-indoor", "test",
        {"SOTS/indoor/nyuhaze500/hazy/1400_1.png": "SOTS/indoor/nyuhaze500/gt/1400.png",
         "SOTS/indoor/nyuhaze500/hazy/1400_10.png": "SOTS/indoor/nyuhaze500/gt/1400.png"},
        ["1400_1", "1400_10"],
    ),
    "SOTS outdoor, JPEG and PNG": (
        "sots-outdoor", "test",
        {"SOTS/outdoor/hazy/0001_0.8_0.2.jpg": "SOTS/outdoor/gt/0001.png"},
        ["0001_0.8_0.2"],
    ),
    "GoPro": (
        "gopro", "test",
        {f"GOPRO_Large/test/GOPR0384_11_00/blur/{n}.png":
         f"GOPRO_Large/test/GOPR0384_11_00/sharp/{n}.png" for n in ("000001", "000002")},
        ["GOPR0384_11_00/000001", "GOPR0384_11_00/000002"],
    ),
    "HIDE": (
        "hide", "test",
        {"HIDE_dataset/test/test-close-ups/1.png": "HIDE_dataset/GT/1.png",
         "HIDE_dataset/test/test-long-shot/2.png": "HIDE_dataset/GT/2.png"},
        ["test-close-ups/1", "test-long-shot/2"],
    ),
    "HIDE, training": (
        "hide", "train", {"HIDE_dataset/train/3.png": "HIDE_dataset/GT/3.png"}, ["3"],
    ),
    "REDS": (
        "reds", "test",
        {"val/val_blur/000/00000000.png": "val/val_sharp/000/00000000.png",
         "val/val_blur/001/00000000.png": "val/val_sharp/001/00000000.png"},
        ["000/00000000", "001/00000000"],
    ),
    "LOL": (
        "lol", "test",
        {"eval15/low/1.png": "eval15/high/1.png", "eval15/low/22.png": "eval15/high/22.png"},
        ["1", "22"],
    ),
    "LOL, training": ("lol", "train", {"our485/low/2.png": "our485/high/2.png"}, ["2"]),
    "PolyU": (
        "polyu", "test",
        {"CroppedImages/Canon5D2_5_160_3200_chair_11_Real.JPG":
         "CroppedImages/Canon5D2_5_160_3200_chair_11_mean.JPG"},
        ["Canon5D2_5_160_3200_chair_11_Real"],
    ),
    "SIDD Medium": (
        "sidd", "train",
        {f"Data/0001_001_S6_00100/0001_NOISY_SRGB_{n}.PNG":
         f"Data/0001_001_S6_00100/0001_GT_SRGB_{n}.PNG" for n in ("010", "011")},
        ["0001_001_S6_00100/0001_NOISY_SRGB_010", "0001_001_S6_00100/0001_NOISY_SRGB_011"],
    ),
    "SIDD Small": (
        "sidd", "train",
        {"Data/0001_S6/NOISY_SRGB_010.PNG": "Data/0001_S6/GT_SRGB_010.PNG"},
        ["0001_S6/NOISY_SRGB_010"],
    ),
    "input and gt": ("gopro", "test", {"input/7.png": "gt/7.png"}, ["7"]),
    "input and target, by part": (
        "rain800", "train", {"train/input/7.png": "train/target/7.jpg"}, ["7"],
    ),
    "pairs": ("pairs", "test", {"input/7.png": "gt/7.bmp", "input/8.jpg": "gt/8.png"}, ["7", "8"]),
}  # fmt: skip
"""What it is: data set, part, files, and the names of the items."""

CLEAR: dict[str, tuple[str, str, list[str], list[str]]] = {
    "DIV2K": ("div2k", "train", ["DIV2K_train_HR/0001.png"], ["0001"]),
    "DIV2K, validation": ("div2k", "test", ["DIV2K_valid_HR/0801.png"], ["0801"]),
    "Flickr2K": ("flickr2k", "train", ["Flickr2K/Flickr2K_HR/000001.png"], ["000001"]),
    "benchmark, Set5": ("set5", "test", ["benchmark/Set5/HR/baby.png"], ["baby"]),
    "benchmark, B100": ("bsd100", "test", ["benchmark/B100/HR/3096.png"], ["3096"]),
    "Set14 of SelfExSR": (
        "set14", "test", ["Set14/image_SRF_4/img_001_SRF_4_HR.png"], ["img_001_SRF_4_HR"],
    ),
    "Urban100": ("urban100", "test", ["Urban100/img_001.png"], ["img_001"]),
    "CBSD68": ("cbsd68", "test", ["CBSD68/original_png/0000.png"], ["0000"]),
    "Kodak24": ("kodak24", "test", ["kodim01.png", "kodim02.png"], ["kodim01", "kodim02"]),
    "McMaster": ("mcmaster", "test", ["McM/1.tif"], ["1"]),
    "FiveK": ("fivek", "train", ["tiff16_c/a0001-jmac_DSC1459.tif"], ["a0001-jmac_DSC1459"]),
    "photographs": ("photographs", "train", ["a.jpg", "a.png", "b.png"], ["a.jpg", "a.png", "b"]),
    "gt alone": ("set5", "test", ["gt/baby_GT.bmp"], ["baby_GT"]),
}  # fmt: skip
"""What it is: data set of clear images, part, files, and the names of the items."""
