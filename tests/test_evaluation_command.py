"""``osr evaluate`` and ``osr compare`` as a user sees them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

import osr
from osr.cli.compare import compare
from osr.cli.evaluate import evaluate
from osr.datasets import find
from osr.datasets.catalogue import WITHOUT_FOLDER
from osr.evaluation.columns import check_names, grid, validation_sets
from osr.evaluation.config import Config
from osr.evaluation.records import DESCRIPTION, RESULTS, Description
from osr.images import Picture, write
from osr.training.recipe_files import FOLDER
from osr_core.backend import BACKENDS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ImageError, OptionError, OSRError
from osr_core.initial import initial_state
from osr_core.registry import registry
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet

pytestmark = pytest.mark.skipif(
    not any(map(is_installed, BACKENDS)), reason="no backend: pip install 'osr[torch]'"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two tiny models, a set of clean images and one of pairs."""
    root = tmp_path_factory.mktemp("evaluation")
    rng = np.random.default_rng(0)
    for index in range(3):
        clean = np.clip(rng.normal(128, 9, (24, 28, 3)) + 9 * index, 0, 255).astype(np.uint8)
        for folder in ("clean", "rain/gt", "rain/input"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            shift = 9 if folder == "rain/input" else 0
            write(root / folder / f"{index}.png", Picture(clean + np.uint8(shift)))
    plain = ModelSpec(UNet((4,), 1))
    wave = ModelSpec(UNet((4,), 1), InputTransform(2), OutputTransform(4, residual=True))
    for name, spec in {"plain": plain, "wave": wave}.items():
        state = initial_state(spec, 0)
        state = {k: v + rng.normal(0, 0.05, v.shape).astype(np.float32) for k, v in state.items()}
        recipe = {"sampling_weights": {"noise": 1.0, "rain100l": 1.0}}
        Checkpoint(spec, state, recipe).save(root / f"{name}.safetensors")
    return root


def call(command, *arguments):
    """Standard output; OSR's errors are raised as they are."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def report(place):
    output = place / "report"
    call(
        evaluate, "--model", f"wave={place / 'wave.safetensors'}",
        "--model", place / "plain.safetensors", "--data", f"rain100l={place / 'rain'}",
        "--data", f"photographs={place / 'clean'}", "--degradation", "noise:25",
        "--degradation", "jpeg:10", "-o", output,
    )  # fmt: skip
    return output


def test_the_folder_of_a_report(report):
    with (report / RESULTS).open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["model", "column", "image", "input_psnr", "psnr", "input_ssim",
                             "ssim", "width", "height", "seconds"]  # fmt: skip
    columns = {row["column"] for row in rows}
    assert columns == {"rain100l", "photographs noise:25", "photographs jpeg:10"}
    models = {row["model"] for row in rows}
    assert {"wave", "plain", "input", "non-local-means"} <= models
    assert "gamma" not in models  # no column that it is meant for
    data = json.loads((report / "evaluation.json").read_text())
    assert data["columns"][0]["protocol"] == "Y, crop 0, 8-bit"
    wave = next(model for model in data["models"] if model["name"] == "wave")
    assert (wave["kind"], wave["seen"]) == ("network", ["noise", "rain"])
    assert data["backend"] in ("torch", "mindspore")
    assert data["software"][1].startswith(f"{data['backend']} ")
    assert (report / "report.html").is_file()
    for picture in data["pictures"]:
        assert (report / picture["folder"] / "wave.png").is_file()
    waves = {path.stem for path in report.glob("wave/*/*.png")}
    assert {"amplitude", "phase", "real", "imaginary", "gate"} <= waves


def test_figures_as_json_and_nothing_done_twice(place, report):
    before = (report / RESULTS).read_bytes()
    data = json.loads(call(
        evaluate, "--model", f"wave={place / 'wave.safetensors'}", "--no-baselines",
        "--data", f"rain100l={place / 'rain'}", "-o", report, "--json",
    ))  # fmt: skip
    assert (report / RESULTS).read_bytes() == before
    assert set(data["columns"]) == {"rain100l", "photographs noise:25", "photographs jpeg:10"}
    wave, columns = data["models"]["wave"], data["columns"]
    seen = (columns["rain100l"]["wave"] + columns["photographs noise:25"]["wave"]) / 2
    assert wave["seen"]["mean"] == pytest.approx(seen, abs=1e-3)
    assert wave["unseen"]["mean"] == pytest.approx(columns["photographs jpeg:10"]["wave"], abs=1e-3)
    assert data["models"]["non-local-means"]["unseen"]["mean"] is None
    assert data["skipped"] == []


def test_from_python_and_skipped_images(place, tmp_path):
    write(tmp_path / "tiny.png", Picture(np.zeros((5, 7, 3), np.uint8)))
    write(tmp_path / "large.png", Picture(np.zeros((24, 28, 3), np.uint8)))
    arguments = {"degradations": ["blur:1"], "baselines": False}
    results = osr.evaluate(
        [str(place / "plain.safetensors")], [str(tmp_path)], tmp_path / "out", **arguments
    )
    assert [row.image for row in results.rows] == ["large"] * 2
    run = CliRunner().invoke(evaluate, [
        "--model", str(place / "plain.safetensors"), "--data", str(tmp_path), "--no-baselines",
        "--degradation", "blur:1", "-o", str(tmp_path / "out"),
    ], standalone_mode=False)  # fmt: skip
    assert run.return_value == 1
    assert "osr: skipped: " in run.stderr
    assert "tiny.png: an image of 7×5 pixels is too small" in run.stderr


def test_images_above_max_pixels_are_refused(place, tmp_path):
    run = CliRunner().invoke(evaluate, [
        "--model", str(place / "plain.safetensors"), "--data", str(place / "clean"),
        "--no-baselines", "--limit", "1", "--degradation", "none", "-o", str(tmp_path / "out"),
        "--max-pixels", str(24 * 28 - 1),
    ])  # fmt: skip
    assert isinstance(run.exception, ImageError)
    assert "28 × 24 pixels are more than the limit of 671" in str(run.exception)


def test_networks_without_a_file(place, tmp_path):
    import backends

    network = backends.build(ModelSpec(UNet((4,), 1)))
    arguments = {"degradations": ["noise:25"], "baselines": False}
    data = [str(place / "clean")]
    results = osr.evaluate([("my net", network)], data, tmp_path / "out", **arguments)
    model = results.model("my-net")
    assert (model.title, results.state("my-net", "clean noise:25")) == ("my net", "unknown")
    assert len(results.cell("my-net", "clean noise:25")) == 3
    with pytest.raises(OptionError, match="truth is reserved"):
        osr.evaluate([("truth", network)], data, tmp_path / "out", **arguments)


def test_compare(report):
    text = call(compare, "-r", report, "plain", "wave")
    assert "rain100l" in text
    assert "mean over columns" in text
    data = json.loads(call(compare, f"{report}:plain", f"{report}:wave", "--json"))
    assert [column["images"] for column in data["columns"]] == [3, 3, 3]
    assert data["overall"]["low"] <= data["overall"]["mean"] <= data["overall"]["high"]
    same = osr.compare(report, report)
    assert (same.first, same.second, same.overall.mean) == ("wave", "wave", 0)
    with pytest.raises(OptionError, match="absent: no such report"):
        call(compare, report / "absent", report)


def test_a_configuration(place, tmp_path):
    path = place / "config.toml"
    path.write_text("""
        models = ["plain.safetensors"]
        limit = 1
        baselines = false

        [[column]]
        data = "photographs"
        path = "clean"
        degradation = "blur:1"
        protocol = "y,crop=1"
        name = "soft"

        [[column]]
        data = "Rain100L"
        limit = 2
    """)
    config = Config.load(path)
    with pytest.raises(OptionError, match="rain100l: needs a folder"):
        config.columns({})
    soft, rain = config.columns({"RAIN100L": str(place / "rain")})
    assert (soft.name, soft.protocol, len(soft.items)) == ("soft", "Y, crop 1, 8-bit", 1)
    assert (rain.name, len(rain.items)) == ("rain100l", 2)
    assert [len(c.items) for c in config.columns({"rain100l": str(place / "rain")}, limit=1)] == [
        1, 1,
    ]  # fmt: skip
    data = json.loads(call(
        evaluate, "--config", path, "--data", f"rain100l={place / 'rain'}", "--json",
        "-o", tmp_path, "--limit", 2,
    ))  # fmt: skip
    assert set(data["columns"]) == {"soft", "rain100l"}
    assert len((tmp_path / RESULTS).read_text().splitlines()) == 1 + 2 * 2 * 2
    assert set(data["models"]) == {"plain"}


def test_the_matrix_of_the_model_cards_can_be_read(place):
    config = Config.load(FOLDER / "matrix.toml")
    needed = {column.data for column in config.column} - WITHOUT_FOLDER.keys()
    paired = {name for name in needed if find(name).paired}
    folders = {name: str(place / ("rain" if name in paired else "clean")) for name in needed}
    columns = config.columns(folders)
    check_names((column.name for column in columns), "column")
    kinds = {column.kind for column in columns}
    assert {"none", "grey+noise", "camera_noise", "noise+jpeg", "haze+jpeg", "webp"} <= kinds
    assert set(config.models) <= {*registry()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "missing key"),
        ("column = []", "has no"),
        ("modles = []\n[[column]]\ndata = 'set5'", "modles: unknown key; did you mean models"),
        ("[[column]]\ndata = 'set55'", "did you mean set5"),
        ("[[column]]\ndata = 'set5'\ndamge = 'x'", r"column\[0\].damge: unknown key"),
    ],
)
def test_invalid_configurations_are_refused(tmp_path, text, message):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(OptionError, match=message):
        Config.load(path)


def test_the_validation_split_of_a_recipe(place, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("""
        max_side = 20
        sampling_weights = { noise = 1, rain100l = 1 }
        spec.backbone = { kind = "unet", widths = [4], blocks = 1 }
        validation.val_fraction = 0.4
    """)
    folders = {"photographs": [str(place / "clean")], "rain100l": [str(place / "rain")]}
    rain, noise = grid(validation_sets(recipe, folders), ["noise:25"])
    assert (rain.name, rain.kind, noise.name) == (
        "validation rain100l", "rain", "validation photographs noise:25",
    )  # fmt: skip
    assert noise.images < 3
    assert rain.load(0, 0)[0].shape == noise.load(0, 0)[1].shape == (17, 20, 3)
    arguments = ["--model", place / "plain.safetensors", "-o", tmp_path / "out", "--no-baselines"]
    for name, paths in folders.items():
        arguments += ["--data", f"{name}={paths[0]}"]
    with pytest.raises(OptionError, match="give both, or neither"):
        call(evaluate, *arguments, "--split", "val")
    data = json.loads(call(
        evaluate, *arguments, "--split", "val", "--recipe", recipe, "--degradation", "noise:25",
        "--json",
    ))  # fmt: skip
    assert set(data["columns"]) == {"validation rain100l", "validation photographs noise:25"}
    recipe.write_text(recipe.read_text().replace("0.4", "0.0"))
    with pytest.raises(OptionError, match="no validation split"):
        list(validation_sets(recipe, folders))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no data: give --data NAME=PATH"),
        (["--data", "set5=absent"], "absent: no such folder"),
        (["--data", "scikit-image", "--data", "scikit-image"], "duplicate name"),
        (["--data", "scikit-image", "--degradation", "nose:25"], "did you mean noise"),
        (["--data", "scikit-image", "--protocol", "q"], "protocol 'q'"),
        (["--data", "scikit-image", "--model", "osr-genial"], "did you mean osr-general"),
        (["--data", "scikit-image", "--model", "osr-denoise", "--model", "osr-denoise"],
         "duplicate name"),
        (["--data", "scikit-image", "--model", "truth=osr-general"], "truth is reserved"),
    ],
)  # fmt: skip
def test_invalid_options_are_refused(tmp_path, arguments, message):
    with pytest.raises(OSRError, match=message):
        call(evaluate, *arguments, "--no-baselines", "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 1}', "another version of osr"),
        ("[]", "another version of osr"),
        ('{"version"', "not the description of an evaluation"),
        ('{"version": 2, "models": 3, "columns": []}', "models: expected a list, got 3"),
        ('{"version": 2, "models": []}', "columns: missing key"),
    ],
)
def test_other_descriptions_are_refused(tmp_path, text, message):
    (tmp_path / DESCRIPTION).write_text(text)
    with pytest.raises(OptionError, match=message):
        Description.load(tmp_path)
