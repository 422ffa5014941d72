"""The digest of tensors and texts."""

import numpy as np
import pytest

from osr_core.digest import KEY, digest

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float16(1.5)}
TEXTS = {"spec": "{}", "recipe": "[]"}


def _flipped(array):
    bits = array.copy()
    bits.reshape(-1).view(np.uint8)[3] ^= 1
    return bits


def test_layout_does_not_count():
    other = {"b": TENSORS["b"], "a": np.asfortranarray(TENSORS["a"].astype(">f4"))}
    assert digest(other, dict(reversed(TEXTS.items())) | {KEY: "x"}) == digest(TENSORS, TEXTS)


@pytest.mark.parametrize(
    ("tensors", "texts"),
    [
        (TENSORS | {"a": _flipped(TENSORS["a"])}, TEXTS),
        (TENSORS | {"a": TENSORS["a"].reshape(3, 2)}, TEXTS),
        (TENSORS | {"a": TENSORS["a"].view(np.int32)}, TEXTS),
        ({"c": TENSORS["a"], "b": TENSORS["b"]}, TEXTS),
        ({"a": TENSORS["a"]}, TEXTS),
        (TENSORS, TEXTS | {"recipe": "[0]"}),
        (TENSORS, {"spec": "{}"}),
    ],
)
def test_anything_else_does(tensors, texts):
    assert digest(tensors, texts) != digest(TENSORS, TEXTS)
