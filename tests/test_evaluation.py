"""Columns and their protocols, and the run over all of them."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from osr.evaluation.columns import DEFAULT_DEGRADATIONS, grid, locate, make_column
from osr.evaluation.metrics import Protocol, psnr
from osr.evaluation.models import INPUT, Model, network_model, safe_name, split_label
from osr.evaluation.records import RESULTS, Description, read_rows
from osr.evaluation.session import fill
from osr.images import Picture, read, write
from osr.threads import in_order
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ImageError, OptionError
from osr_core.initial import initial_state
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet


def paint(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Picture(np.asarray(pixels, np.uint8)))


def flat(level, height=24, width=32):
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def clean(tmp_path):
    """Three grey photographs."""
    for index in range(3):
        paint(tmp_path / "clean" / f"{index}.png", flat(100 + 20 * index, 96, 128))
    return tmp_path / "clean"


@pytest.fixture
def pairs(tmp_path):
    """Two pairs; the inputs are 8 levels too bright."""
    for index in range(2):
        paint(tmp_path / "mine" / "gt" / f"{index}.png", flat(100 + index))
        paint(tmp_path / "mine" / "input" / f"{index}.png", flat(108 + index))
    return tmp_path / "mine"


def half(name="half", run=lambda image: image - np.float32(4 / 255), **fields):
    """A "network" that subtracts 4 levels."""
    return Model(name, name, "network", run=run, **fields)


def evaluate(folder, models, columns, **setting):
    return fill(folder, Description(models, columns, **setting))


def input_psnr(column):
    pairs = [column.load(index, seed=0) for index in range(column.images)]
    return np.mean([psnr(*pair, Protocol.parse(column.protocol)) for pair in pairs])


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_noise_is_not_clipped_and_measured_in_8_bit(clean, sigma):
    (column,) = grid([locate(f"cbsd68={clean}")], [f"noise:{sigma}"])
    # The public 24.61, 20.17 and 14.15 dB, but for rounding (1/12) and the tails that 8 bit cuts.
    expected = 10 * math.log10(255**2 / (sigma**2 + 1 / 12))
    assert input_psnr(column) == pytest.approx(expected, abs=0.04 if sigma < 50 else 0.5)
    degraded, _ = column.load(0, 0)
    assert (degraded.min() < 0) == (sigma == 50)
    again, other = column.load(0, 0)[0], column.load(0, 1)[0]
    np.testing.assert_array_equal(degraded, again)
    assert (degraded != other).any()


def test_chains_and_their_targets(tmp_path):
    paint(tmp_path / "0.png", np.tile(np.uint8([200, 100, 0]), (24, 32, 1)))
    grey, both = grid([locate(f"photographs={tmp_path}")], ["grey", "grey+noise:25"])
    assert (grey.clean, both.clean, both.kind) == (True, False, "grey+noise")
    assert input_psnr(grey) == math.inf
    degraded, truth = both.load(0, 0)
    assert np.ptp(truth, axis=2).max() == 0
    assert 20 < (degraded[..., 0] * 255 - truth[..., 0]).std() < 30


def test_rain_is_measured_on_the_luma_of_matlab(tmp_path):
    # rgb2ycbcr of uint8: round(16 + 65.481 + 128.553 · 128 / 255) = 146, of black 16.
    paint(tmp_path / "gt" / "1.png", flat(0))
    paint(tmp_path / "input" / "1.png", np.tile([255, 128, 0], (24, 32, 1)))
    (column,) = grid([locate(f"rain100l={tmp_path}")])
    assert (column.protocol, column.kind) == ("Y, crop 0, 8-bit", "rain")
    assert input_psnr(column) == pytest.approx(10 * math.log10(255**2 / 130**2), abs=1e-9)


def test_protocols(clean):
    sets = [locate(f"set5={clean}")]
    columns = grid(sets, ["low_resolution:2", "low_resolution:3", "jpeg:20"])
    assert [Protocol.parse(c.protocol) for c in columns] == [
        Protocol("y", 2), Protocol("y", 3), Protocol(),
    ]  # fmt: skip
    (column,) = grid(sets, ["noise:25"], protocol="y,crop=4")
    assert column.protocol == "Y, crop 4, 8-bit"


def test_the_grid(clean, pairs):
    sets = [locate(str(clean)), locate(str(pairs)), locate("scikit-image")]
    columns = grid(sets, ["none", "rain:0.3"], limit=2)
    names = ["clean none", "clean rain:0.3", "mine", "scikit-image none", "scikit-image rain:0.3"]
    assert [column.name for column in columns] == names
    assert [c.kind for c in columns] == ["none", "rain", "unknown", "none", "rain"]
    assert [c.clean for c in columns] == [True, False, False, True, False]
    assert {c.images for c in columns} == {2}
    assert len(grid(sets[:1])) == len(DEFAULT_DEGRADATIONS)
    assert make_column(*sets[1], kind="haze").kind == "haze"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda c, p: make_column(*locate(f"set5={c}")), "give a degradation such as noise:25"),
        (lambda c, p: make_column(*locate(f"rain100l={p}"), "none"), "omit none"),
        (lambda c, p: locate(f"rain100k={p}"), "did you mean rain1"),
        (lambda c, p: locate(f"{p}/absent"), "absent: no such folder"),
        (lambda c, p: locate("set5"), "needs a folder"),
    ],
)
def test_invalid_columns_are_refused(clean, pairs, act, message):
    with pytest.raises((OptionError, ImageError), match=message):
        act(clean, pairs)


def test_a_folder_may_have_an_equals_sign_in_its_name(tmp_path):
    folder = tmp_path / "lr=3" / "photos"
    paint(folder / "0.png", flat(9))
    data, found = locate(str(folder))
    assert (data.name, [item.name for item in found]) == ("photos", ["0"])
    assert locate(f"set5={folder}")[0].name == "set5"


def test_labels_are_safe_as_file_names():
    assert split_label("a/b/model.safetensors") == ("b", "a/b/model.safetensors")
    assert split_label("a/b/best.safetensors") == ("best", "a/b/best.safetensors")
    assert split_label("../x y=osr-general") == ("x-y", "osr-general")
    assert safe_name("../..") == "unnamed"


def test_a_whole_evaluation(tmp_path, clean, pairs):
    columns = grid([locate(str(clean)), locate(str(pairs))], ["none", "noise:25"])
    baseline = Model("mean", "Mean", "baseline", seen=("noise",), run=np.zeros_like)
    results = evaluate(tmp_path / "out", [half(), baseline, INPUT], columns)
    assert [model.name for model in results.models] == ["input", "half", "mean"]
    assert results.gain("half", "mine") == pytest.approx([20 * math.log10(2)] * 2, abs=1e-3)
    assert results.gain("input", "mine").tolist() == [0, 0]
    # Baselines only where they are meant for.
    assert [len(results.cell("mean", column.name)) for column in columns] == [0, 3, 0]
    none = results.cell("half", "clean none")[0]
    assert (none.input_psnr, none.psnr) == (math.inf, pytest.approx(36.09, abs=0.01))
    ranks = [(p["column"], p["rank"]) for p in results.description.pictures]
    assert ranks.count(("clean noise:25", "median")) == 1
    assert ("mine", "median") not in ranks  # of two images one is the worst, the other the best
    place = tmp_path / "out" / results.description.pictures[-1]["folder"]
    assert sorted(p.name for p in place.iterdir()) == ["half.png", "input.png", "truth.png"]
    assert read(place / "half.png").pixels[0, 0, 0] - read(place / "truth.png").pixels[0, 0, 0] == 4


def test_an_interrupted_evaluation_is_resumed(tmp_path, pairs):
    columns, calls = grid([locate(str(pairs))]), []

    def count(image):
        calls.append(1)
        return image

    counting = half("count", count)
    evaluate(tmp_path, [counting], columns, software=("torch 1.0",))
    path = tmp_path / RESULTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])  # as if the machine had stopped in the middle of a line
    assert len(read_rows(tmp_path)) == 1
    calls.clear()
    results = evaluate(tmp_path, [counting], columns, software=("torch 1.0.1",))
    assert len(calls) == 1  # pictures are there already
    assert results.description.software == ("torch 1.0", "torch 1.0.1")
    same = [row.rsplit(b",", 1)[0] for row in path.read_bytes().splitlines()]
    assert same == [row.rsplit(b",", 1)[0] for row in whole.splitlines()]  # but for the seconds
    results = evaluate(tmp_path, [half("new")], columns)
    assert [model.name for model in results.models] == ["count", "new"]
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "with seed 0, not 1"),
        ({"backend": "mindspore"}, "backend torch, not mindspore"),
        ({"precision": "float16"}, "precision float32, not float16"),
        ({"models": [half(sha256="b")]}, "model half was evaluated with sha256 a, not b"),
        ({"limit": 1}, "images 2, not 1"),
        ({"protocol": "y"}, "protocol RGB, crop 0, 8-bit, not Y"),
    ],
)
def test_rows_that_do_not_belong_together_are_not_mixed(tmp_path, pairs, change, message):
    options = {"protocol": change.pop("protocol", None), "limit": change.pop("limit", None)}
    sets = [locate(str(pairs))]
    setting = Description([half(sha256="a")], grid(sets), backend="torch")
    fill(tmp_path, setting)
    before = (tmp_path / RESULTS).read_bytes()
    with pytest.raises(OptionError, match=message):
        fill(tmp_path, replace(setting, columns=grid(sets, **options), **change))
    assert (tmp_path / RESULTS).read_bytes() == before


def test_a_model_that_fails_is_named_and_earlier_rows_are_kept(tmp_path, pairs):
    columns = grid([locate(str(pairs))])

    def fails_on_the_second(image):
        return image * (np.nan if image.max() > 108.5 / 255 else 1)

    broken = half("broken", fails_on_the_second)
    with pytest.raises(ImageError, match="broken on mine, 1: .*finite"):
        evaluate(tmp_path, [half(), broken], columns)
    rows = [(row.model, row.image) for row in read_rows(tmp_path)]
    assert rows == [("half", "0"), ("broken", "0"), ("half", "1")]


def test_images_that_cannot_be_evaluated_are_named_and_skipped(tmp_path, pairs):
    for index, name in enumerate(("gt", "input")):
        paint(pairs / name / "tiny.png", flat(50 + index, 5, 7))  # SSIM needs 11×11 pixels
        paint(pairs / name / "cut.png", flat(50 + index))
    path = pairs / "input" / "cut.png"
    path.write_bytes(path.read_bytes()[:-40])
    results = evaluate(tmp_path / "out", [INPUT, half()], grid([locate(str(pairs))]))
    assert [row.image for row in results.cell("half", "mine")] == ["0", "1"]
    cut, tiny = results.description.skipped["mine"]
    assert "cut.png" in cut
    assert "tiny.png: an image of 7×5 pixels is too small" in tiny
    other = grid([locate("scikit-image")], ["none"], limit=1)
    # Another column leaves the lines as they are.
    again = evaluate(tmp_path / "out", [INPUT], other)
    assert again.description.skipped_images == [cut, tiny]
    path.write_bytes((pairs / "input" / "0.png").read_bytes())
    again = evaluate(tmp_path / "out", [INPUT], grid([locate(str(pairs))]))
    assert again.description.skipped_images == [tiny]
    tiny_alone = grid([locate(str(pairs))])[0]
    tiny_alone = replace(tiny_alone, items=tiny_alone.items[-1:], images=1)
    with pytest.raises(ImageError, match="tiny.png"):
        evaluate(tmp_path / "none", [half()], [tiny_alone])


def test_results_come_in_order_and_few_wait():
    lock, alive, most = threading.Lock(), 0, []

    def items():
        nonlocal alive
        for index in range(20):
            with lock:
                alive += 1
                most.append(alive)
            yield index

    with ThreadPoolExecutor(3) as pool:
        for count, value in enumerate(in_order(lambda i: i * i, items(), pool, ahead=3)):
            assert value == count**2
            with lock:
                alive -= 1
    assert max(most) == 4  # three that wait, and the one that is taken in


def test_both_backends_give_the_same_figures(tmp_path, twins):
    if len(twins) < 2:
        pytest.skip("needs both frameworks")
    rng = np.random.default_rng(0)
    for index in range(2):
        paint(tmp_path / "data" / f"{index}.png", rng.integers(0, 256, (24, 28, 3)))
    spec = ModelSpec(UNet((4,), 1), InputTransform(2), OutputTransform(4, residual=True))
    path = tmp_path / "tiny.safetensors"
    state = initial_state(spec, 0)
    noise = {name: rng.normal(0, 0.1, array.shape) for name, array in state.items()}
    Checkpoint(spec, {name: state[name] + noise[name] for name in state}).save(path)
    columns = grid([locate(str(tmp_path / "data"))], ["noise:25", "blur:1"])
    figures = []
    for name, backend in twins.items():
        rows = evaluate(tmp_path / name, [network_model(str(path), backend.load)], columns).rows
        figures.append([[row.psnr, row.ssim, row.input_psnr] for row in rows])
    torch, mindspore = np.array(figures)
    assert np.abs(torch - mindspore)[:, 0].max() < 0.01
    assert np.abs(torch - mindspore)[:, 1].max() < 1e-4
    assert (torch[:, 2] == mindspore[:, 2]).all()
    assert np.abs(torch[:, 0] - torch[:, 2]).min() > 0.1  # the network does something
