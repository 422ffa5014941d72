"""What the published model promises, on photographs that it never saw, in either backend."""

import numpy as np
import pytest
import skimage.data

from osr.degradations import gaussian_noise
from osr.evaluation.metrics import Protocol, psnr
from osr_core import restore
from osr_core.registry import default_model

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def test_noise_loses_six_decibels(backend):
    network = backend.load(default_model(), device="cpu")
    gains = []
    for index, name in enumerate(PHOTOGRAPHS):
        truth = (getattr(skimage.data, name)() / 255).astype(np.float32)
        noisy = gaussian_noise(truth, 25, np.random.default_rng([0, index]))
        images = noisy, restore(noisy, network)
        before, after = (psnr(image, truth, Protocol("rgb")) for image in images)
        gains.append(after - before)
    assert np.mean(gains) >= 6
    assert min(gains) > 4


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_the_same_picture(backend, precision):
    if backend.__name__ == "backends.mindspore":
        pytest.skip("MindSpore on CPU has no bfloat16; its float16 is tested in test_mindspore.py")
    image = skimage.data.chelsea()[:128, :128]
    exact, half = (
        restore(image, backend.load(default_model(), device="cpu", precision=p)).astype(int)
        for p in ("float32", precision)
    )
    assert np.abs(exact - half).mean() < 1
