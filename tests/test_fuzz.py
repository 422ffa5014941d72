"""Readers take any bytes: they return, or raise one bounded line of ours; see ``tests/fuzz``."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent / "fuzz"))

from mutations import mutations
from targets import TARGETS

COUNT = 1000
"""Inputs of each reader."""


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs(name):
    if name == "pth":
        pytest.importorskip("torch", reason="seeds are written by PyTorch")
    target = TARGETS[name]
    for data in mutations(target.seeds(), COUNT):
        try:
            target(data)
        except Exception as error:
            raise AssertionError(f"{name}: {data!r}") from error
