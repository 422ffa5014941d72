"""What osr inspect shows is what the network computes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from osr.inspection import PICTURES, captions
from osr.inspection import inspect_image as inspect
from osr.inspection.drawing import colours, draw, hue, pictures, save_pictures
from osr_core.checkpoint import Checkpoint
from osr_core.errors import ImageError, ModelError, OptionError
from osr_core.initial import initial_state
from osr_core.reference import forward
from osr_core.restoration import restore
from osr_core.spec import (
    Experts,
    InputTransform,
    ModelSpec,
    OutputTransform,
    RoutedExperts,
    UNet,
)

BACKBONE = UNet((4, 8), 1)


def _checkpoint(layout="stacked", gates="pixel", kernel=1, **output):
    channels = 3 if layout == "shared" else 5
    transforms = InputTransform(channels, kernel, layout), OutputTransform(6, gates, **output)
    spec = ModelSpec(BACKBONE, *transforms)
    rng = np.random.default_rng(0)
    state = initial_state(spec, 0)
    # Away from their start at zero, so that each bias is seen.
    state = {k: v + rng.normal(0, 0.1, v.shape).astype(np.float32) for k, v in state.items()}
    return Checkpoint(spec, state)


def _forward(spec, state, image):
    """(H, W, 3) → the same, by the reference."""
    padded = np.pad(image, ((0, 2), (0, 3), (0, 0)), mode="reflect")
    result = forward(spec, state, np.moveaxis(padded, 2, 0)[None])[0]
    return np.moveaxis(result, 0, 2)[:30, :37]


def _image(height=30, width=37, seed=1):
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


@pytest.fixture(scope="module")
def inspection():
    return inspect(_image(), _checkpoint())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel": 3},
        {"layout": "shared"},
        {"gates": "pooled"},
    ],
    ids=str,
)
def test_the_result_is_that_of_the_network(backend, options):
    checkpoint, image = _checkpoint(**options), _image()
    network = backend.build(checkpoint.spec)
    network.load_state(checkpoint.state)
    inspection = inspect(image, checkpoint)
    assert inspection.result.shape == inspection.image.shape == image.shape
    result = inspection.result.clip(0, 1)
    assert np.abs(result - restore(image, network, tile=0)).max() < 1e-4


@pytest.mark.parametrize("options", [{}, {"layout": "shared"}], ids=str)
def test_the_wave_is_that_of_the_formulas(options):
    """It is the wave that enters the backbone, whatever becomes of it."""
    checkpoint, image = _checkpoint(**options), _image()
    state, inspection = checkpoint.state, inspect(image, checkpoint)

    def channel_fc(name):
        weight, bias = (state[f"input_transform.{name}.{part}"] for part in ("weight", "bias"))
        return np.einsum("oc,hwc->ohw", weight[:, :, 0, 0], image) + bias[:, None, None]

    amplitude, phase = channel_fc("amplitude"), channel_fc("phase")
    if "phase" in options:
        phase = np.pi * np.tanh(phase)
    close = {"rtol": 0, "atol": 1e-5}
    np.testing.assert_allclose(inspection.amplitude, amplitude, **close)
    np.testing.assert_allclose(np.exp(1j * inspection.phase), np.exp(1j * phase), **close)
    np.testing.assert_allclose(inspection.real, amplitude * np.cos(phase), **close)
    np.testing.assert_allclose(inspection.imaginary, amplitude * np.sin(phase), **close)
    assert inspection.gate.shape == (6, 30, 37)
    assert 0 < inspection.gate.min() < inspection.gate.max() < 1


def test_phases_of_many_turns_are_wrapped():
    checkpoint = _checkpoint()
    turns = {**checkpoint.state, "input_transform.phase.bias": np.full(5, 7 * np.pi, np.float32)}
    phase = inspect(_image(), Checkpoint(checkpoint.spec, turns)).phase
    assert -np.pi <= phase.min() < -1 < 1 < phase.max() <= np.pi


def test_the_gate_is_the_share_of_the_wave():
    checkpoint = _checkpoint()
    for value, share in ((-50, 0), (50, 1)):
        state = {**checkpoint.state, "output_transform.gate2.bias": np.full(6, value, np.float32)}
        inspection = inspect(_image(), Checkpoint(checkpoint.spec, state))
        np.testing.assert_allclose(inspection.gate, share, atol=1e-6)
        # A result of the image alone does not depend on the wave.
        other = {**state, "output_transform.wave.bias": np.full(6, 3, np.float32)}
        changed = inspect(_image(), Checkpoint(checkpoint.spec, other)).result
        assert np.allclose(changed, inspection.result, atol=1e-5) == (share == 0)


def test_the_gates_of_experts_are_theirs(backend):
    experts = Experts((BACKBONE, UNet((6,), 1, context=(4,))), UNet((4,), 1, 4), 3)
    plain = ModelSpec(experts)
    state = initial_state(plain, 0)
    inspection = inspect(_image(), Checkpoint(plain, state))
    assert (len(inspection.phase), len(inspection.gate)) == (3, 2)
    network = backend.build(plain)
    restored = restore(_image(), network, tile=0)
    assert np.abs(inspection.result.clip(0, 1) - restored).max() < 1e-4
    for open_ in range(2):
        gates = {name: np.zeros_like(a) for name, a in state.items() if name.startswith("gates.")}
        gates[f"gates.{1 - open_}.bias"] -= 1
        weights = {**state, **gates}
        alone = inspect(_image(), Checkpoint(plain, weights))
        assert [g.mean() for g in alone.gate] == [open_ == 0, open_ == 1]
        expert = ModelSpec(experts.experts[open_])
        start = f"experts.{open_}."
        own = {n.removeprefix(start): a for n, a in state.items() if n.startswith(start)}
        expected = _forward(expert, own, _image())
        np.testing.assert_allclose(alone.result, expected, atol=1e-5)
    blind = replace(experts, experts=(BACKBONE, UNet((6,), 1)))
    around = ModelSpec(blind, InputTransform(3, layout="shared"), OutputTransform(6))
    outer = inspect(_image(), Checkpoint(around, initial_state(around, 0)))
    assert len(outer.gate) == 6
    amplitude = initial_state(around, 0)["input_transform.amplitude.weight"][:, :, 0, 0]
    expected = np.tensordot(amplitude, _image(), (1, 2))
    np.testing.assert_allclose(outer.amplitude, expected, atol=1e-5)


def test_waves_of_routed_experts_are_those_of_the_whole_image():
    spec = ModelSpec(RoutedExperts((BACKBONE, UNet((6,), 1)), (4, 6), (4,), 3, 8, 8))
    state = initial_state(spec, 0)
    inspection = inspect(_image(), Checkpoint(spec, state))
    assert inspection.gate.shape == (2, 30, 37)
    amplitude = state["wave.amplitude.weight"][:, :, 0, 0]
    expected = np.tensordot(amplitude, _image(), (1, 2))
    np.testing.assert_allclose(inspection.amplitude, expected, atol=1e-5)
    np.testing.assert_allclose(
        inspection.real, inspection.amplitude * np.cos(inspection.phase), atol=1e-4
    )


def test_weights_of_routed_experts_add_up_to_the_result():
    """An expert that the router leaves out has no weight, whatever its gate."""
    experts = BACKBONE, UNet((6,), 1)
    spec = ModelSpec(RoutedExperts(experts, (4, 6), (4,), 3, 8, 8))
    state = initial_state(spec, 0)
    state["routes.1.bias"] = np.full(1, -50, np.float32)
    inspection = inspect(_image(), Checkpoint(spec, state))
    assert inspection.experts == ("expert-1", "expert-2")
    assert inspection.gate[0].max() > 0
    assert inspection.gate[1].max() == 0
    own = {n.removeprefix("experts.0."): a for n, a in state.items() if n.startswith("experts.0.")}
    change = _forward(ModelSpec(BACKBONE), own, _image()) - inspection.image
    expected = inspection.image + inspection.gate[0][..., None] * change
    np.testing.assert_allclose(inspection.result, expected, atol=1e-5)


def test_a_mixture_has_a_picture_for_each_expert(tmp_path):
    spec = ModelSpec(Experts((BACKBONE, UNet((6,), 1)), UNet((4,), 1, 4), 3))
    models = [{"name": "osr-sr"}, {"name": "runs/rain/model.safetensors"}]
    checkpoint = Checkpoint(spec, initial_state(spec, 0), provenance={"init": models})
    inspection = inspect(_image(), checkpoint)
    files = save_pictures(inspection, tmp_path)
    found = captions(path.stem for path in tmp_path.iterdir())
    assert [*files] == [*found] == [
        *[*PICTURES][:-1], "expert-1-osr-sr", "expert-2-runs-rain-model-safetensors",
    ]  # fmt: skip
    assert found["expert-1-osr-sr"][0] == "Expert 1: osr-sr"
    ten = [f"expert-{number}" for number in range(1, 12)]
    assert [*captions([*reversed(ten), "other"])] == ten
    assert draw(inspection).std() > 0
    for init in (None, "osr", [1, {"name": 2}], [{"name": "../" * 99}, {}], [{}]):
        damaged = replace(checkpoint, provenance={"init": init})
        for name in inspect(_image(), damaged).experts:
            assert re.fullmatch(r"expert-[12][\w-]{,90}", name)



def test_pooled_gates_are_one_number_per_picture():
    gate = inspect(_image(), _checkpoint(gates="pooled")).gate
    assert gate.shape == (6, 30, 37)
    assert np.ptp(gate, axis=(1, 2)).max() == 0


def test_the_middle_of_a_large_picture():
    image = _image(40, 90)
    inspection = inspect(image, _checkpoint(), size=32)
    assert np.array_equal(inspection.image, image[4:36, 29:61])
    assert inspection.phase.shape == (5, 32, 32)
    tiny = inspect(_image(1, 3), _checkpoint())
    assert tiny.result.shape == (1, 3, 3)


def test_what_cannot_be_inspected():
    plain = ModelSpec(BACKBONE)
    with pytest.raises(ModelError, match="plain model has no wave"):
        inspect(_image(), Checkpoint(plain, initial_state(plain, 0)))
    with pytest.raises(ImageError, match="float32"):
        inspect(np.zeros((8, 8, 3), np.uint8), _checkpoint())
    with pytest.raises(ImageError, match="not finite"):
        inspect(np.full((8, 8, 3), np.nan, np.float32), _checkpoint())
    with pytest.raises(OptionError, match="size"):
        inspect(_image(), _checkpoint(), size=0)


def test_colour_maps():
    ends = np.array([-9.0, -2.0, 0.0, 2.0, 9.0])
    assert colours("gray", ends, 2.0)[:, 0].tolist() == [0, 0, 0, 1, 1]
    low, _, middle, _, high = colours("RdBu_r", ends, 2.0)
    assert middle == pytest.approx([0.97] * 3, abs=0.01)
    assert low[2] > low[0] + 0.3
    assert high[0] > high[2] + 0.2


def test_phase_is_cyclic_and_of_even_lightness():
    phase = np.linspace(-np.pi, np.pi, 181)
    shown = 255 * hue(phase)
    np.testing.assert_allclose(shown[0], shown[-1], atol=0.1)
    assert np.abs(np.diff(shown, axis=0)).max() <= 8
    assert np.ptp(shown @ np.array([0.299, 0.587, 0.114])) < 45
    assert hue(phase, 0.0).max() == 0
    assert np.abs(255 * hue(phase + 4 * np.pi) - shown).max() <= 1


def test_pictures_are_those_of_the_report(inspection, tmp_path):
    made = pictures(inspection)
    assert list(made) == list(PICTURES)
    save_pictures(inspection, tmp_path / "wave" / "cup")
    files = sorted(path.name for path in (tmp_path / "wave" / "cup").iterdir())
    assert files == sorted(f"{name}.png" for name in PICTURES)
    for name, picture in made.items():
        with Image.open(tmp_path / "wave" / "cup" / f"{name}.png") as file:
            assert np.array_equal(np.asarray(file), picture)
        assert picture.shape == (30, 37, 3)
        assert np.ptp(picture) > 0
    assert np.array_equal(made["image"], np.rint(255 * inspection.image).astype(np.uint8))
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="file: cannot be created"):
        save_pictures(inspection, tmp_path / "file")


def test_nothing_to_see_is_drawn_all_the_same():
    still = _checkpoint()
    state = {name: 0 * value for name, value in still.state.items()}
    sheet = draw(inspect(0 * _image(), Checkpoint(still.spec, state)))
    assert np.isfinite(sheet).all()


def test_the_sheet_has_a_row_for_each_quantity(inspection):
    sheet = draw(inspection, "cup_$1$.png")
    height, width = sheet.shape[:2]
    rows = sheet.reshape(6, height // 6, width, 3) if height % 6 == 0 else None
    assert rows is None or (rows != 255).any((1, 2, 3)).all()
    assert width > 4 * 220
    assert height > 6 * 150
