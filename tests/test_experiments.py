"""The experiments: figures and tables of made-up reports, and one table from end to end."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import dataset_trees
import numpy as np
import pytest
from PIL import Image

from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OptionError
from osr_core.evaluation.records import ColumnEntry, Description, ModelEntry, Row, RowWriter
from osr_core.images import Picture, write
from osr_core.initial import initial_state
from osr_core.spec import ModelSpec, UNet

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENTS = ROOT / "examples" / "experiments"
THREE = ("noise", "rain", "haze")
INPUT = 20.0
"""PSNR of each damaged picture that is made up, dB."""


def _module(name: str) -> ModuleType:
    """A file of the experiments, which import each other as scripts do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXPERIMENTS)
        return import_module(name)


plan, tables = _module("plan"), _module("tables")


def _report(
    folder: Path,
    gains: dict[str, list[float]],
    clean: tuple[float, ...] = (40.0,),
    missing: int = 0,
) -> None:
    """The report of a run: gains by kind of damage or, before a full stop, by column."""
    cells = {name: [INPUT + gain for gain in values] for name, values in gains.items()}
    cells["none"] = list(clean)
    columns = [
        ColumnEntry(name, name, None, name.split(".")[0], len(values), "", name == "none")
        for name, values in cells.items()
    ]
    folder.mkdir(parents=True)
    Description([ModelEntry("model", "", "network")], columns).save(folder)
    rows = [
        Row("model", name, str(n), "rgb", 0, math.inf if name == "none" else INPUT, after,
            0.5, 0.5, 8, 8, 0.0)
        for name, values in cells.items()
        for n, after in enumerate(values)
    ]  # fmt: skip
    with RowWriter(folder) as writer:
        for row in rows[: len(rows) - missing]:
            writer.write(row)


def _run(seed: int = 0, variant: str = "a", trained: tuple[str, ...] = THREE):
    return plan.Run(variant, trained, seed, ())


def _table(seeds: int, *trained: tuple[str, ...]):
    lists = trained or (THREE,)
    runs = tuple(_run(s, v, t) for s in range(seeds) for t in lists for v in ("a", "b"))
    return plan.Table("made up", ("a", "b"), lists, runs)


def _fill(output: Path, run, unseen: float, seen: float = 1.0) -> None:
    kinds = (*plan.FIVE, "jpeg")
    gains = {kind: [seen if kind in run.trained else unseen] for kind in kinds}
    _report(output / run.path / "report", gains)


def _rows(text: str) -> dict[str, list[str]]:
    """The cells of a table of Markdown by the first of their row."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in rows}


def test_figures_weigh_kinds_alike_and_harm_by_images(tmp_path):
    gains = {"noise": [1.0, 3.0], "rain": [2.0], "haze": [-1.0], "blur.motion": [1.0],
             "blur.defocus": [2.0, 4.0], "low_resolution": [0.5], "jpeg": [-0.3, -0.7],
             "snow": [-0.1]}  # fmt: skip
    _report(tmp_path / _run().path / "report", gains, clean=(40.0, math.inf))
    found = tables.figures(_run(), tmp_path)
    assert found.gains["blur"] == pytest.approx((1 + 3) / 2)
    assert found.seen == pytest.approx((2 + 2 - 1) / 3)
    assert found.left_out == pytest.approx((2 + 0.5) / 2)
    assert found.never == pytest.approx((-0.5 - 0.1) / 2)
    assert found.unseen == pytest.approx((2 + 0.5 - 0.5 - 0.1) / 4)
    assert found.harm == pytest.approx(2 / 7)
    assert found.clean == pytest.approx((40 + 100) / 2)


def test_a_report_under_way_has_no_figures(tmp_path):
    assert tables.figures(_run(), tmp_path) is None
    gains = {kind: [1.0, 1.0] for kind in (*plan.FIVE, "jpeg")}
    for seed, missing in enumerate((0, 1, 2)):
        _report(tmp_path / _run(seed).path / "report", gains, (40.0, 41.0), missing)
        assert (tables.figures(_run(seed), tmp_path) is None) == bool(missing)


def test_interval_is_students():
    # Mean 2.5, deviation 1.2910, t = 3.1824 at three degrees of freedom.
    assert tables.interval([1.0, 2.0, 3.0, 4.0]) == "+2.50 (+0.45 to +4.55)"
    assert tables.interval([-0.5, 0.0, -1.0]) == "-0.50 (-1.74 to +0.74)"
    assert tables.interval([0.25]) == "+0.25"
    assert tables.interval([]) == tables.spread([]) == ""
    assert tables.spread([1.0, 3.0]) == "+2.00 ± 1.41"
    assert tables.spread([-1.0]) == "-1.00"


def test_a_difference_is_between_runs_of_a_seed(tmp_path):
    for seed, unseen in enumerate((1.0, 5.0, 9.0)):
        _fill(tmp_path, _run(seed, "a"), unseen)
        _fill(tmp_path, _run(seed, "b"), unseen + 0.5)
    rows = _rows(tables.markdown(_table(3), tmp_path))
    # Seeds differ by far more than variants, which pairing takes out.
    assert rows["a"][:4] == ["3", "+1.00 ± 0.00", "+5.00 ± 4.00", "+5.00 ± 4.00"]
    assert rows["a"][-2:] == ["40.0 dB", ""]
    assert rows["b"][-1] == "+0.50 (+0.50 to +0.50)"


def test_seeds_that_are_missing_are_left_out(tmp_path):
    for seed, unseen in {0: 1.0, 1: 5.0, 3: -3.0}.items():
        _fill(tmp_path, _run(seed, "a"), unseen)
    for seed, unseen in {1: 6.0, 2: 100.0, 3: -1.0}.items():
        _fill(tmp_path, _run(seed, "b"), unseen)
    rows = _rows(tables.markdown(_table(5), tmp_path))
    assert rows["a"][0] == rows["b"][0] == "3"
    assert rows["b"][-1] == tables.interval([6 - 5, -1 + 3])
    assert _rows(tables.markdown(_table(1), tmp_path)).keys() == {"a"}
    assert _rows(tables.markdown(_table(1), tmp_path / "none")) == {}


def test_leaving_one_out(tmp_path):
    without = {kind: tuple(k for k in plan.FIVE if k != kind) for kind in ("noise", "rain")}
    for seed in range(2):
        for kind, trained in without.items():
            shift = 1.0 if kind == "rain" else 0.0
            _fill(tmp_path, _run(seed, "a", trained), seed, seen=2.0)
            _fill(tmp_path, _run(seed, "b", trained), seed + shift, seen=3.0)
    # Of a third seed, one variant lacks a list: no difference, and no share in the mean.
    _fill(tmp_path, _run(2, "a", without["noise"]), 50.0)
    _fill(tmp_path, _run(2, "a", without["rain"]), 50.0)
    _fill(tmp_path, _run(2, "b", without["rain"]), 51.0)
    rows = _rows(tables.markdown(_table(3, *without.values()), tmp_path))
    assert list(rows) == ["noise", "rain", "**mean**"]
    assert rows["noise"] == ["+0.50 ± 0.71", "+0.50 ± 0.71", "+0.00 (+0.00 to +0.00)"] * 2 + [
        "+2.00 ± 0.00", "+3.00 ± 0.00",
    ]  # fmt: skip
    assert rows["rain"][2] == "+1.00 (+1.00 to +1.00)"
    assert rows["rain"][0] == "+17.00 ± 28.58"
    assert rows["**mean**"][:3] == ["+0.50 ± 0.71", "+1.00 ± 0.71", "+0.50 (+0.50 to +0.50)"]


def test_the_plan():
    (frozen,) = plan.Plan.load(["frozen"], seeds=2).tables
    assert [run.seed for run in frozen.runs] == [0, 0, 0, 1, 1, 1]
    # What is frozen has to be there first.
    order = [run.variant for run in frozen.runs]
    assert order.index("specialist") < order.index("frozen")
    both = plan.Plan.load(["frozen", "transforms"], seeds=1)
    paths = [run.path for table in both.tables for run in table.runs]
    assert len(both.runs) == len(set(paths)) < len(paths)
    with pytest.raises(OptionError, match=r"^--table forzen: did you mean frozen\?"):
        plan.Plan.load(["forzen"])


def _script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    installed = [backend for backend in BACKENDS if is_installed(backend)]
    if not installed:
        pytest.skip("no backend: pip install 'osr[torch]'")
    run = subprocess.run(
        [sys.executable, str(EXPERIMENTS / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OSR_BACKEND": installed[0]},
    )
    assert run.returncode == 0, run.stderr
    return run


def _check_png(path: Path) -> None:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).std() > 1


def test_plots(tmp_path):
    pytest.importorskip("matplotlib")
    for run in plan.Plan.load(["leave-one-out", "transforms"], seeds=2).runs:
        if run.seed == 0 or run.variant == "plain":
            _fill(tmp_path / "runs", run, 0.1 * run.seed)
    _script("plots.py", tmp_path / "runs", "-o", tmp_path / "plots")
    for name in ("leave-one-out", "transforms"):
        _check_png(tmp_path / "plots" / f"{name}.png")


@pytest.fixture
def data(tmp_path):
    """Options of run.py: small textured pictures in the layout of each set."""
    rows, columns = np.mgrid[:40, :48] / 48
    rng = np.random.default_rng(0)

    def paint(path: Path, share: float) -> None:
        planes = (rows, columns, np.cos(9 * rows * columns) ** 2)
        pixels = (np.stack(planes, 2) + rng.normal(0, 0.05, (40, 48, 3))).clip(0, 1) * share
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, Picture((255 * pixels).astype(np.uint8)))

    options = ["--train", f"photographs={tmp_path / 'photographs'}"]
    for name in ("a", "b"):
        paint(tmp_path / "photographs" / f"{name}.png", 1)
    for layout in ("Rain100L, first version", "SOTS outdoor, JPEG and PNG", "REDS", "LOL", "PolyU"):
        name, _, pairs, _ = dataset_trees.PAIRS[layout]
        for damaged, truth in pairs.items():
            paint(tmp_path / name / damaged, 0.7)
            paint(tmp_path / name / truth, 1)
        options += ["--data", f"{name}={tmp_path / name}"]
    for layout in ("CBSD68", "Set14 of SelfExSR"):
        name, _, files, _ = dataset_trees.CLEAR[layout]
        for file in files:
            paint(tmp_path / name / file, 1)
        options += ["--data", f"{name}={tmp_path / name}"]
    return options


def test_an_experiment_from_end_to_end(data, tmp_path):
    settings = ["steps=2", "batch=2", "crop=16", "precision=float32", "schedule.warmup=1",
                "spec.backbone.blocks=1"]  # fmt: skip
    runs, table = tmp_path / "runs", ["--table", "frozen", "--seeds", "1"]
    arguments = [*table, "-o", runs, *data]
    arguments += [text for pair in settings for text in ("--set", pair)]
    first = _script("run.py", *arguments)
    printed = first.stdout[first.stdout.index("**frozen**") :]
    rows = _rows(printed)
    assert list(rows) == ["specialist", "wave", "frozen"]
    for cells in rows.values():
        assert cells[0] == "1"
        assert all(cells[:-1])
        assert not any("nan" in cell for cell in cells)
    kinds = "-".join(THREE)
    specialist, frozen = (
        Checkpoint.load(runs / variant / kinds / "0" / "model.safetensors")
        for variant in ("specialist", "frozen")
    )
    for name, weight in specialist.state.items():
        np.testing.assert_array_equal(frozen.state[f"backbone.{name}"], weight)

    weights = {p: p.stat().st_mtime_ns for p in runs.rglob("*.safetensors")}
    results = {p: p.read_text() for p in runs.rglob("results.csv")}
    assert len(results) == 3
    again = _script("run.py", *arguments)
    assert again.stdout.strip() == printed.strip()
    assert weights == {p: p.stat().st_mtime_ns for p in runs.rglob("*.safetensors")}
    assert results == {p: p.read_text() for p in results}
    assert _script("tables.py", runs, *table).stdout.strip() == printed.strip()

    pytest.importorskip("matplotlib")
    _script("plots.py", runs, "-o", tmp_path / "plots", *table)
    _check_png(tmp_path / "plots" / "frozen.png")


def test_a_run_that_was_stopped_is_not_trained(tmp_path):
    if not any(map(is_installed, BACKENDS)):
        pytest.skip("no backend: pip install 'osr[torch]'")
    is_trained = _module("run").is_trained
    path, spec = tmp_path / "model.safetensors", ModelSpec(UNet((4,), 1))
    assert not is_trained(path)
    for steps in (1, 2):
        Checkpoint(spec, initial_state(spec, 0), {"steps": 2}, {"steps": steps}).save(path)
        assert is_trained(path) == (steps == 2)
