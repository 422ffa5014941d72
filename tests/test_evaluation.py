"""Columns and their protocols, what a model has seen, and the run over all of it."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest

from osr.datasets import find
from osr.evaluation import runner
from osr.evaluation.candidates import (
    UNTOUCHED,
    Candidate,
    network_candidate,
    safe_name,
    split_label,
)
from osr.evaluation.columns import DEFAULT_DEGRADATION, grid, locate, make_column
from osr.evaluation.metrics import Convention
from osr.evaluation.protocols import parse_protocol
from osr.evaluation.records import RESULTS, ModelEntry, read_rows
from osr.evaluation.seen import NO_RECIPE, seen_degradation
from osr.evaluation.session import Setting, evaluate
from osr.images import Picture, read, write
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


def half(name="half", seen=(), sha256=""):
    """A "network" that takes 4 levels away."""
    entry = ModelEntry(name, name, "network", seen=seen, sha256=sha256)
    return Candidate(entry, lambda image: image - np.float32(4 / 255))


def input_figures(column, seed=0):
    jobs = [runner.Job(column, index, ()) for index in range(len(column.items))]
    return np.mean([runner._load(job, seed).scores for job in jobs], axis=0)


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_noise_is_not_clipped_and_measured_in_8_bit(clean, sigma):
    (column,) = grid([locate(f"cbsd68={clean}")], [f"noise:{sigma}"])
    # The public 24.61, 20.17 and 14.15 dB, but for rounding (1/12) and the tails that 8 bit cuts.
    expected = 10 * math.log10(255**2 / (sigma**2 + 1 / 12))
    assert input_figures(column)[0] == pytest.approx(expected, abs=0.04 if sigma < 50 else 0.5)
    assert column.entry.protocol == "RGB, crop 0, 8-bit, noise not clipped"
    degraded, _ = column.load(0, 0)
    assert (degraded.min() < 0) == (sigma == 50)
    again, other = column.load(0, 0)[0], column.load(0, 1)[0]
    np.testing.assert_array_equal(degraded, again)
    assert (degraded != other).any()


def test_rain_is_measured_on_the_luma_of_matlab(tmp_path):
    # rgb2ycbcr of uint8: round(16 + 65.481 + 128.553 · 128 / 255) = 146, of black 16.
    paint(tmp_path / "gt" / "1.png", flat(0))
    paint(tmp_path / "input" / "1.png", np.tile([255, 128, 0], (24, 32, 1)))
    (column,) = grid([locate(f"rain100l={tmp_path}")])
    assert column.entry.protocol == "Y, crop 0, 8-bit"
    assert column.kind == "rain"
    assert input_figures(column)[0] == pytest.approx(10 * math.log10(255**2 / 130**2), abs=1e-9)


def test_low_resolution_is_measured_on_luma_without_its_border(clean):
    two, three = grid([locate(f"set5={clean}")], ["low_resolution:2", "low_resolution:3"])
    assert [two.convention, three.convention] == [Convention("y", 2), Convention("y", 3)]
    assert grid([locate(f"set5={clean}")], ["jpeg:20"])[0].convention == Convention()


def test_protocols_are_asked_for_in_words(clean):
    assert parse_protocol("y,crop=2") == Convention("y", 2)
    assert parse_protocol("RGB, float", Convention("y", 2)) == Convention("rgb", 2, False)
    for wrong in ("z", "crop=-1", "crop=", "y crop=2", ""):
        with pytest.raises(OptionError, match="none of rgb, y, crop=PIXELS"):
            parse_protocol(wrong)
    (column,) = grid([locate(f"set5={clean}")], ["noise:25"], protocol="y,crop=4")
    assert column.entry.protocol == "Y, crop 4, 8-bit, noise not clipped"


def test_the_grid(clean, pairs):
    sets = [locate(str(clean)), locate(str(pairs)), locate("scikit-image")]
    columns = grid(sets, ["none", "rain:0.3"], limit=2)
    names = ["clean none", "clean rain:0.3", "mine", "scikit-image none", "scikit-image rain:0.3"]
    assert [column.name for column in columns] == names
    assert [c.kind for c in columns] == ["none", "rain", "unknown", "none", "rain"]
    assert [c.entry.clean for c in columns] == [True, False, False, True, False]
    assert {c.entry.images for c in columns} == {2}
    assert len(grid(sets[:1])) == len(DEFAULT_DEGRADATION)
    assert make_column(sets[1], kind="haze").kind == "haze"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda c, p: grid([locate(f"set5={c}")] * 2, ["none"]), "set5 none: comes twice"),
        (lambda c, p: make_column(locate(f"set5={c}")), "name a degradation such as noise:25"),
        (lambda c, p: make_column(locate(f"rain100l={p}"), "none"), "leave out none"),
        (lambda c, p: locate(f"rain100k={p}"), "did you mean rain1"),
        (lambda c, p: locate(f"{p}/absent"), "absent: no such folder"),
        (lambda c, p: locate("set5"), "needs a folder"),
    ],
)
def test_columns_without_sense_are_refused(clean, pairs, act, message):
    with pytest.raises((OptionError, ImageError), match=message):
        act(clean, pairs)


def test_seen_is_what_the_recipe_drew():
    rain = find("rain100l")
    assert (rain.paired, rain.degradation) == (True, "rain")
    shares = {"clean": 1, "mixture": 1, "noise": 0.5, "haze": 0, "rain100l": 2, "set5": 1, "own": 1}
    seen = seen_degradation({"shares": shares}, {})
    assert seen.kinds == ("noise", "rain")
    assert seen.unknown == ("own", "set5")  # nobody knows what was done to clear images


def test_a_chain_is_a_column_and_trains_on_each_of_its_kinds(clean):
    chain = "grey+noise:25+jpeg:90"
    column = make_column(locate(f"set5={clean}"), chain)
    assert (column.kind, column.entry.degradation) == ("grey+noise+jpeg", chain)
    degraded, truth = column.load(0, 0)
    assert (truth[..., 0] == truth[..., 2]).all()
    assert degraded.std() > 0
    weights = {"grey+noise+jpeg": 1.0, "blur": 0.0}
    assert seen_degradation({"sampling_weights": weights}, {}).kinds == ("grey", "jpeg", "noise")


@pytest.mark.parametrize("origin", ["backbone", "start"])
def test_seen_reaches_into_where_weights_came_from(origin):
    backbone = {"recipe": {"shares": {"blur": 1.0, "pairs": 1.0}}, "provenance": {}}
    seen = seen_degradation({"shares": {"noise": 1.0}}, {origin: {"provenance": {}, **backbone}})
    assert (seen.kinds, seen.unknown) == (("blur", "noise"), ("pairs",))
    assert seen_degradation({}, {}).unknown == (NO_RECIPE,)


def test_labels_are_safe_as_file_names():
    assert split_label("a/b/model.safetensors") == ("b", "a/b/model.safetensors")
    assert split_label("a/b/best.safetensors") == ("best", "a/b/best.safetensors")
    assert split_label("../x y=osr-general") == ("x-y", "osr-general")
    assert safe_name("../..") == "unnamed"


def test_a_whole_evaluation(tmp_path, clean, pairs):
    columns = grid([locate(str(clean)), locate(str(pairs))], ["none", "noise:25"])
    baseline = Candidate(ModelEntry("mean", "Mean", "baseline", seen=("noise",)), np.zeros_like)
    results = evaluate([half(), baseline, UNTOUCHED], columns, tmp_path / "out")
    assert [model.name for model in results.models] == ["untouched", "half", "mean"]
    assert results.gain("half", "mine") == pytest.approx([20 * math.log10(2)] * 2, abs=1e-3)
    assert results.gain("untouched", "mine").tolist() == [0, 0]
    # Baselines only where they are meant for.
    assert [len(results.cell("mean", column)) for column in columns] == [0, 3, 0]
    none = results.cell("half", "clean none")[0]
    assert (none.input_psnr, none.psnr) == (math.inf, pytest.approx(36.09, abs=0.01))
    ranks = [(p["column"], p["rank"]) for p in results.description.pictures]
    assert ranks.count(("clean noise:25", "median")) == 1
    assert ("mine", "median") not in ranks  # of two images one is the worst, the other the best
    place = tmp_path / "out" / results.description.pictures[-1]["folder"]
    assert sorted(p.name for p in place.iterdir()) == ["half.png", "input.png", "truth.png"]
    assert read(place / "half.png").pixels[0, 0, 0] - read(place / "truth.png").pixels[0, 0, 0] == 4


def test_an_evaluation_goes_on_where_it_stopped(tmp_path, pairs):
    columns, calls = grid([locate(str(pairs))]), []

    def count(image):
        calls.append(1)
        return image

    counting = Candidate(ModelEntry("count", "count", "network"), count)
    evaluate([counting], columns, tmp_path)
    path = tmp_path / RESULTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])  # as if the machine had stopped in the middle of a line
    assert len(read_rows(tmp_path)) == 1
    calls.clear()
    evaluate([counting], columns, tmp_path)
    assert len(calls) == 1  # pictures are there already
    same = [row.rsplit(b",", 1)[0] for row in path.read_bytes().splitlines()]
    assert same == [row.rsplit(b",", 1)[0] for row in whole.splitlines()]  # but for the seconds
    results = evaluate([half("new")], columns, tmp_path)
    assert [model.name for model in results.models] == ["count", "new"]
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"setting": Setting(seed=1)}, "with seed 0, not 1"),
        ({"setting": Setting(precision="float16")}, "precision float32, not float16"),
        ({"candidates": [half(sha256="b")]}, "model half had other weights"),
        ({"limit": 1}, "images 2, not 1"),
        ({"protocol": "y"}, "protocol RGB, crop 0, 8-bit, not Y"),
    ],
)
def test_rows_that_do_not_go_together_are_not_mixed(tmp_path, pairs, change, message):
    options = {"protocol": change.pop("protocol", None), "limit": change.pop("limit", None)}
    evaluate([half(sha256="a")], grid([locate(str(pairs))]), tmp_path)
    before = (tmp_path / RESULTS).read_bytes()
    given = {"candidates": [half(sha256="a")], "setting": Setting(), **change}
    with pytest.raises(OptionError, match=message):
        evaluate(columns=grid([locate(str(pairs))], **options), folder=tmp_path, **given)
    assert (tmp_path / RESULTS).read_bytes() == before


def test_a_degraded_image_is_named_and_earlier_rows_are_kept(tmp_path, pairs):
    columns = grid([locate(str(pairs))])
    broken = Candidate(ModelEntry("broken", "", "network"), lambda image: image * np.nan)
    with pytest.raises(ImageError, match="broken on mine, 0: .*finite"):
        evaluate([broken], columns, tmp_path / "broken")
    path = pairs / "input" / "1.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ImageError, match=r"1\.png"):
        evaluate([half()], columns, tmp_path / "out")
    assert [row.image for row in read_rows(tmp_path / "out")] == ["0"]


def test_reading_and_scoring_run_beside_the_network_within_bounds(tmp_path, monkeypatch):
    for index in range(12):
        paint(tmp_path / "many" / f"{index:02}.png", flat(index))
    (column,) = grid([locate(str(tmp_path / "many"))], ["none"])
    size = runner.BYTES_PER_PIXEL * 24 * 32
    monkeypatch.setattr(runner, "WAITING_BYTES", 3 * size)
    lock, alive, most = threading.Lock(), [0], []
    real_load, real_row = runner._load, runner._row

    def load(job, seed):
        sample = real_load(job, seed)
        with lock:
            alive[0] += 1
            most.append(alive[0])
        return sample

    def row(*arguments):
        time.sleep(0.01)  # slower than the "network"
        with lock:
            alive[0] -= 1
        return real_row(*arguments)

    monkeypatch.setattr(runner, "_load", load)
    monkeypatch.setattr(runner, "_row", row)
    runner.run(runner.plan([half()], [column], tmp_path), tmp_path)
    assert [r.image for r in read_rows(tmp_path)] == [f"{index:02}" for index in range(12)]
    assert 3 <= max(most) <= 3 + 3 + 2  # ahead, behind, and one on its way each


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
        candidate = network_candidate(str(path), backend.load)
        rows = evaluate([candidate], columns, tmp_path / name).rows
        figures.append([[row.psnr, row.ssim, row.input_psnr] for row in rows])
    torch, mindspore = np.array(figures)
    assert np.abs(torch - mindspore)[:, 0].max() < 0.01
    assert np.abs(torch - mindspore)[:, 1].max() < 1e-4
    assert (torch[:, 2] == mindspore[:, 2]).all()
    assert np.abs(torch[:, 0] - torch[:, 2]).min() > 0.1  # the network does something
