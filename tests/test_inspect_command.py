"""The command osr inspect: a contact sheet, a folder of pictures, one line for what is wrong."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from osr.cli.inspect import inspect as command
from osr.inspection import PICTURES
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ImageError, ModelError
from osr_core.initial import initial_state
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet

BACKBONE = UNet((4, 8), 1)


@pytest.fixture
def files(tmp_path):
    spec = ModelSpec(BACKBONE, InputTransform(5), OutputTransform(6))
    Checkpoint(spec, initial_state(spec, 0)).save(tmp_path / "small.safetensors")
    pixels = np.random.default_rng(0).integers(0, 256, (24, 50), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    return tmp_path


def _run(files, *arguments):
    options = ["--model", str(files / "small.safetensors"), *map(str, arguments)]
    return CliRunner().invoke(command, options)


def test_the_command_writes_a_sheet_or_a_folder(files):
    run = _run(files, files / "grey.png", "-o", files / "sheet.png", "--size", 20)
    assert run.exit_code == 0, run.output
    assert "20×20 pixels" in run.output
    with Image.open(files / "sheet.png") as sheet:
        assert sheet.width > 4 * 220
    run = _run(files, files / "grey.png", "-o", files / "pictures")
    assert run.exit_code == 0, run.output
    assert len(list((files / "pictures").glob("*.png"))) == len(PICTURES)


def test_an_image_above_max_pixels_is_refused(files):
    run = _run(files, files / "grey.png", "-o", files / "x.png", "--max-pixels", 9)
    assert isinstance(run.exception, ImageError)
    assert "--max-pixels" in str(run.exception)


def test_the_command_names_what_is_wrong(files):
    plain = ModelSpec(BACKBONE)
    Checkpoint(plain, initial_state(plain, 0)).save(files / "plain.safetensors")
    arguments = [str(files / "grey.png"), "-o", str(files / "x.png"), "--model"]
    run = CliRunner().invoke(command, [*arguments, str(files / "plain.safetensors")])
    assert isinstance(run.exception, ModelError)
    assert "plain.safetensors" in str(run.exception)
    run = _run(files, files / "no.png", "-o", files / "x.png")
    assert isinstance(run.exception, ImageError)
    assert not (files / "x.png").exists()
