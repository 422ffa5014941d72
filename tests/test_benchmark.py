"""osr bench: what it measures and prints. No time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from command_line import osr
from PIL import Image

from osr.benchmark import bench
from osr.benchmark.clock import Timed, run_rounds
from osr.benchmark.contenders import Contender
from osr.benchmark.workloads import Workload, scene_of, synthetic
from osr_core.backend import BACKENDS, is_installed
from osr_core.context import context_of
from osr_core.errors import ImageError, OptionError
from osr_core.pixels import to_planes

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = [name for name in BACKENDS if is_installed(name)]
SMALL = ("--input", "0.01.png", "--input", "2x0.005.jpg", "--tile", 32, "--tile", 40)

pytestmark = pytest.mark.skipif(not INSTALLED, reason="no backend: pip install 'osr[torch]'")


def test_each_thing_is_measured_once_a_round_and_compared_within_it():
    turns = []

    def work(name, seconds):
        left = list(seconds)
        return lambda: turns.append(name) or left.pop(0)

    one, other = Timed("one", work("one", (2, 9, 3))), Timed("other", work("other", (1, 3, 1)))
    seen = []
    run_rounds([one, other], 3, lambda *state: seen.append(state))
    assert turns == ["one", "other"] * 3
    assert one.seconds == 3
    assert one.ratio(other) == 3
    assert seen[0] == (0, 3, "one")
    assert seen[-1] == (3, 3, "done")


@pytest.mark.parametrize("backend", INSTALLED[:1])
def test_json_on_standard_output(backend, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "time.png"
    done = osr("bench", *SMALL, "--model", "osr-denoise", "--backend", backend, "--repeats", 1,
               "--no-processes", "--plot", picture, "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    found = json.loads(done.stdout)
    (network,) = found["networks"]
    assert set(network["milliseconds"]) == {"32", "40"}
    assert network["tile"] in (32, 40)
    assert network["relative"] == 1
    assert [row["input"] for row in found["files"]] == ["0.01.png", "2x0.005.jpg"]
    assert found["files"][1]["count"] == 2
    for row in found["files"]:  # one round: the ratio is that of the figures
        assert row["ratio"] == pytest.approx(row["microseconds"] / network["microseconds"])
        assert row["peak_bytes"] is None
    assert (found["starts"], found["training"]) == ([], [])
    with Image.open(picture) as opened:
        assert opened.format == "PNG"


def test_tables_peaks_and_starts(tiny_model):
    result = osr("bench", *SMALL[:2], *SMALL[4:6], "--model", tiny_model, "--backend",
                 INSTALLED[-1], "--repeats", 1)  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("processor ")
    titles = [line.split("  ")[0] for line in lines if not line.startswith(str(tiny_model)[:8])]
    assert "network alone" in titles
    assert "start, one small file" in titles
    (files,) = (line for line in lines if line.startswith("0.01.png"))
    assert files.endswith("GiB") == Path("/proc/self/status").exists()


def test_peers_and_training():
    pytest.importorskip("torch")
    result = bench(
        ["osr-denoise"], backends=["torch"], precisions=["float32", "bfloat16"], inputs=[],
        tiles=[32], with_peers=True, with_processes=False, with_training=True, repeats=1,
    )  # fmt: skip
    names = [row.name for row in result.networks]
    assert names == ["osr-denoise"] * 2 + [
        "baseline", "griddehaze", "dncnn-20", "nafnet-32", "non-local-means"
    ]  # fmt: skip
    assert [row.precision for row in result.networks[:2]] == ["float32", "bfloat16"]
    assert all(row.microseconds > 0 for row in result.networks)
    (step,) = result.training
    assert (step.model, step.backend) == ("osr-denoise", "torch")


def test_experts_that_run_depend_on_the_image_and_so_do_multiply_accumulates():
    (row,) = bench(
        ["osr-general"], backends=INSTALLED[:1], inputs=[], tiles=[64], with_processes=False,
        repeats=1,
    ).networks  # fmt: skip
    assert row.gemm_share is None


def test_files_are_compared_with_tiles_that_have_the_context_of_the_image(monkeypatch):
    seen = []
    contender = Contender(
        "osr-denoise", INSTALLED[0], "float32", lambda _, context: seen.append(context),
        context_channels=3,
    )  # fmt: skip
    monkeypatch.setattr("osr.benchmark.models", lambda *_: [contender])
    bench(["osr-denoise"], backends=INSTALLED[:1], inputs=["0.02.png"], tiles=[64],
          with_processes=False, repeats=1)  # fmt: skip
    scenes = synthetic(64, 64), synthetic(*Workload.parse("0.02.png").size)
    own, whole = (context_of(to_planes(scene), 3) for scene in scenes)
    assert not np.allclose(own, whole, atol=0.01)
    for found, expected in zip(seen, (own, whole, own, whole), strict=True):  # first all, once
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_networks_of_others_have_the_published_sizes():
    torch = pytest.importorskip("torch")
    peers = import_module("osr.benchmark.torch_peers")
    nafnet, macs = peers.NAFNet(), []

    def count(layer, inputs, output):
        macs.append(output[0, 0].numel() * layer.weight.numel())

    for layer in nafnet.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(nafnet(image)[..., 0, 0] * 0, image[..., 0, 0] * 0)
    assert round(sum(macs) * 16 / 1e9) == 16  # GMACs at 256×256, table 6 of the paper
    size = sum(weight.numel() for weight in peers.DnCNN().parameters())
    assert size == 3 * 64 * 9 + 64 + 18 * (64 * 64 * 9 + 64) + 64 * 3 * 9 + 3


def test_workloads(tmp_path):
    work = Workload.parse("3x0.012.png")
    paths = work.write(tmp_path / "files", synthetic)
    with Image.open(paths[2]) as opened:
        assert opened.size == work.size[::-1]
        pixels = np.asarray(opened)
    assert work.pixels == 3 * pixels.shape[0] * pixels.shape[1] == pytest.approx(36_000, rel=0.02)
    assert pixels.std() > 10
    assert str(work) == "3x0.012.png"
    for text in ("12", "x2.jpg", "0x2.jpg", "2.gif", "-1.png", "0.png"):
        with pytest.raises(OptionError, match="input"):
            Workload.parse(text)


def test_a_given_image_is_what_tiles_and_files_show(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "given.png")
    scene = scene_of(tmp_path / "given.png")
    np.testing.assert_array_equal(scene(20, 50)[:, 40:], image[:20, :-11:-1])
    (path,) = Workload.parse("0.012.png").write(tmp_path / "files", scene)
    with Image.open(path) as opened:
        written = np.asarray(opened)
    np.testing.assert_array_equal(written[:30, :40], image)
    np.testing.assert_array_equal(written[60:90, :40], image)
    with pytest.raises(ImageError, match="missing"):
        bench(["osr-denoise"], inputs=[], image=tmp_path / "missing.png")


def test_a_network_that_cannot_be_restored_with_is_an_error():
    done = osr("bench", "--model", "osr-absent", "--backend", INSTALLED[0])
    assert done.returncode == 2
    assert "no such name or file" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("mindspore"), reason="mindspore is not installed")
def test_the_cap_of_onednn_reaches_mindspore():
    """No assertion on speed: without the cap convolutions take up to a hundred times as long."""
    from backends.mindspore import onednn

    capped, uncapped = (_milliseconds(**each) for each in ({}, {"ONEDNN_MAX_CPU_ISA": "ALL"}))
    if onednn.cap() == "on":
        assert capped < uncapped / 5


def _milliseconds(**environment):
    done = subprocess.run(
        [sys.executable, "-m", "osr.cli", "bench", "--model", "osr-denoise", "--backend",
         "mindspore", "--input", "0.001.png", "--tile", "128", "--no-processes", "--json"],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["networks"][0]["milliseconds"]["128"]
