"""Precision ``auto``: bfloat16 only where it is fast and its measured cost is small."""

from importlib import import_module

import pytest

from osr_core.backend import cpu_has_fast_bfloat16, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.initial import initial_state
from osr_core.spec import ModelSpec, UNet

SPEC = ModelSpec(UNet((4,), 1))


@pytest.mark.skipif(not is_installed("torch"), reason="torch is not installed")
@pytest.mark.parametrize(
    ("fast", "measured", "expected"),
    [
        (True, {"bfloat16": 0.019}, "bfloat16"),
        (True, {"bfloat16": 0.021}, "float32"),
        (True, {}, "float32"),
        (False, {"bfloat16": 0.0}, "float32"),
    ],
)
def test_auto(monkeypatch, fast, measured, expected):
    monkeypatch.setattr("backends.torch.networks.has_fast_bfloat16", lambda kind: fast)
    checkpoint = Checkpoint(SPEC, initial_state(SPEC, 0), measured=measured)
    load = import_module("backends.torch").load
    assert load(checkpoint, "cpu", "auto").precision == expected
    assert load(checkpoint, "cpu").precision == "float32"


@pytest.mark.skipif(not is_installed("onnx"), reason="onnx is not installed")
def test_auto_is_float32_where_there_is_no_other():
    checkpoint = Checkpoint(SPEC, initial_state(SPEC, 0), measured={"bfloat16": 0.0})
    assert import_module("backends.onnx").load(checkpoint, "cpu", "auto").precision == "float32"


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("AuthenticAMD", "avx2 avx512f avx512_bf16", True),
        ("AuthenticAMD", "avx2 avx512f", False),
        ("GenuineIntel", "avx512f avx512_bf16 amx_bf16 amx_tile", True),
        ("GenuineIntel", "avx512f avx512_bf16", False),  # slower than float32
        ("GenuineIntel", "avx2", False),
    ],
)
def test_processors_with_fast_bfloat16(monkeypatch, tmp_path, vendor, flags, expected):
    core = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: X\nflags\t\t: fpu {flags} sse\n\n"
    (tmp_path / "cpuinfo").write_text(2 * core)
    monkeypatch.setattr("osr_core.backend.CPU_INFO", tmp_path / "cpuinfo")
    assert cpu_has_fast_bfloat16() == expected


def test_processors_that_linux_does_not_describe_have_none(monkeypatch, tmp_path):
    monkeypatch.setattr("osr_core.backend.CPU_INFO", tmp_path / "absent")
    assert not cpu_has_fast_bfloat16()
